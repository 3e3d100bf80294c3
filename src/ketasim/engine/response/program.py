"""Straight-line arithmetic from a declaration: each value once, what never changes set apart."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field

_BINARY: Mapping[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
}


@dataclass
class Program:
    """Arithmetic under construction: equal operations on equal operands become one value.

    Values are names in the text that is written. Those that depend on parameters alone go into
    `fixed`, computed once a patient; the rest goes into `moving`, in order.

    **Arguments:**

    - `fixed`, `moving`: lines such as `t3 = t1*t2`.
    """

    fixed: list[str] = field(default_factory=list[str])
    moving: list[str] = field(default_factory=list[str])
    _known: dict[tuple[str, ...], str] = field(default_factory=dict[tuple[str, ...], str])
    _made: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    _constant: dict[str, float] = field(default_factory=dict[str, float])
    _once: set[str] = field(default_factory=set[str])

    def constant(self, value: float) -> str:
        """Name of a number."""
        name = f"c{len(self._constant)}"
        for known, number in self._constant.items():
            if number == value:
                return known
        self._constant[name] = float(value)
        self._once.add(name)
        return name

    @property
    def constants(self) -> Mapping[str, float]:
        """Name to number."""
        return self._constant

    def parameter(self, name: str) -> str:
        """Register a name that is the same at every moment."""
        self._once.add(name)
        return name

    def operation(self, operator: str, *operands: str) -> str:
        """Name of a result; computed once however often it is asked for."""
        simple = self._simplified(operator, operands)
        if simple is not None:
            return simple
        if operator == "/" and operands[1] in self._once and operands[0] not in self._once:
            # one division a patient instead of one each time
            return self.operation(
                "*", operands[0], self.operation("/", self.constant(1.0), operands[1])
            )
        if operator in "+*" and operands[0] > operands[1]:
            operands = operands[::-1]
        key = (operator, *operands)
        if key not in self._known:
            name = f"t{len(self._known)}"
            once = all(operand in self._once for operand in operands)
            (self.fixed if once else self.moving).append(f"{name} = {_text(operator, operands)}")
            if once:
                self._once.add(name)
            self._known[key] = name
            self._made[name] = key
        return self._known[key]

    def weighted(self, *terms: tuple[str, str]) -> str:
        """Name of a sum of products, left to right."""
        total = self.operation("*", *terms[0])
        for weight, value in terms[1:]:
            total = self.operation("+", total, self.operation("*", weight, value))
        return total

    def expression(self, text: str, names: Mapping[str, str]) -> str:
        """Name of the value of a declared expression.

        **Arguments:**

        - `text`: arithmetic on symbols.
        - `names`: symbol to the name of its value.
        """
        return self._node(ast.parse(text, mode="eval").body, names)

    def _node(self, node: ast.expr, names: Mapping[str, str]) -> str:
        if isinstance(node, ast.Name):
            return names[node.id]
        if isinstance(node, ast.Constant):
            return self.constant(float(node.value))  # type: ignore[arg-type]  # checked: a number
        if isinstance(node, ast.UnaryOp):
            return self.operation("neg", self._node(node.operand, names))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return self.operation(node.func.id, *(self._node(one, names) for one in node.args))
        if isinstance(node, ast.BinOp):
            left, right = self._node(node.left, names), self._node(node.right, names)
            if isinstance(node.op, ast.Pow):
                return self._power(left, right)
            return self.operation(_BINARY[type(node.op)], left, right)
        raise ValueError(f"'{ast.unparse(node)}' is not arithmetic")

    def _power(self, base: str, exponent: str) -> str:
        value = self._constant.get(exponent)
        if value is None:
            return self.operation("power", base, exponent)
        if value == 0.0:
            return self.constant(1.0)
        return base if value == 1.0 else self.operation("*", base, base)

    def _simplified(self, operator: str, operands: tuple[str, ...]) -> str | None:
        numbers = [self._constant.get(operand) for operand in operands]
        if operator == "*" and 1.0 in numbers:
            return operands[1 - numbers.index(1.0)]
        if operator == "+" and 0.0 in numbers:
            return operands[1 - numbers.index(0.0)]
        if operator in ("-", "/") and numbers[1] == (0.0 if operator == "-" else 1.0):
            return operands[0]
        return self._difference(*operands) if operator == "-" else None

    def _difference(self, left: str, right: str) -> str | None:
        """The difference of two values that share a term, written without the term.

        Computed as it is declared, `(1 + x) - 1` would leave of a small x what rounding left of it.
        """
        if left == right:
            return self.constant(0.0)
        match self._made.get(left), self._made.get(right):
            case ("+", a, b), _:
                for part, other in ((a, b), (b, a)):
                    rest = self._difference(part, right)
                    if rest is not None:
                        return self.operation("+", rest, other)
            case ("*", a, b), of:
                for factor, other in ((a, b), (b, a)):
                    rest = self._difference(other, self._over(right, of, factor))
                    if rest is not None:
                        return self.operation("*", factor, rest)
            case _, ("/", a, b) if a == left and self._constant.get(a) == 1.0:
                rest = self._difference(b, a)  # 1 - 1/(1 + x) is x/(1 + x)
                return None if rest is None else self.operation("/", rest, b)
            case _:
                pass
        return None

    def _over(self, product: str, made: tuple[str, ...] | None, factor: str) -> str:
        """What a product has beside a factor; nothing that is known where it has it not."""
        if product == factor:
            return self.constant(1.0)
        if made is not None and made[0] == "*" and factor in made[1:]:
            return made[2] if made[1] == factor else made[1]
        return ""


def _text(operator: str, operands: tuple[str, ...]) -> str:
    if operator == "neg":
        return f"-{operands[0]}"
    if operator in "+-*/":
        return f"{operands[0]} {operator} {operands[1]}"
    return f"{operator}({', '.join(operands)})"
