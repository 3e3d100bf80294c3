"""From the block of NMDA receptors to mood, declared without numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ketasim.models.declaration import Branch, Definition, Flow, LinearModel, Stream, Symbol
from ketasim.models.domain import CORRELATION, NOT_NEGATIVE, POSITIVE, REAL
from ketasim.models.receptor import RECEPTOR
from ketasim.models.response import (
    AMOUNT,
    ChainModel,
    ResponseModel,
    Signal,
    Turnover,
    receptor_signal,
)

SESSION_MARK: Final = "session"
"""Drug and route of the mark that every session sets, with or without a drug."""

SESSION_STATE: Final = "A_session"
"""The state of the linear block in which a session's mark fades."""

_DRIVE, _RECEPTOR_PARAMETERS, _RECEPTOR_DEFINITIONS = receptor_signal(RECEPTOR, "x")

MOOD_PARAMETERS: Final = (
    Symbol("kG", "1/h", "turnover of the glutamate burst"),
    Symbol("g_max", "ratio", "maximum increase in glutamate above resting level"),
    # no block reaches it above 1: the burst then never gets to its top
    Symbol(
        "B_opt", "fraction", "fresh block with the largest burst; none at 1.5 times it", POSITIVE
    ),
    Symbol("k_used", "1/h", "rate of adaptation of the cells to block"),
    Symbol("kA", "1/h", "decay of the fast arm"),
    Symbol("e_A", "1/h", "fast arm on the logarithm of severity"),
    Symbol("kD", "1/h", "turnover of the neurotrophic drive"),
    Symbol("kF", "1/h", "rate of each of the three delays from the drive to new synapses"),
    Symbol("s_gain", "1/h", "formation of lost synapses by the drive above its level at rest"),
    Symbol("kS", "1/h", "loss of synapses without stress"),
    Symbol("stress", "ratio", "loss of synapses added by stress, relative to that without"),
    Symbol("e_S", "-", "restored synapses on the logarithm of severity"),
    Symbol(
        "sens",
        "ratio",
        "sensitivity of the patient's mood to both arms, 0 never responds",
        NOT_NEGATIVE,
    ),
    Symbol("gate", "fraction", "fraction of the effect of both arms passing the opioid gate"),
    Symbol("w_HNK", "mL/ng", "hydroxynorketamine on the fast arm, a switch", NOT_NEGATIVE),
    Symbol("w_5HT", "mL/ng", "ketamine on the drive by serotonin, a switch", NOT_NEGATIVE),
    Symbol("k_lift", "1/h", "increase in expectation during a session"),
    Symbol("k_fade", "1/h", "decay of expectation"),
    Symbol("e_P", "-", "expectation of the patient on the logarithm of severity", REAL),
    Symbol("kO", "1/h", "onset of a new oral antidepressant"),
    Symbol("e_O", "-", "new oral antidepressant on the logarithm of severity", NOT_NEGATIVE),
    Symbol("kN", "1/h", "natural course and clinical care of the trial, rate"),
    Symbol("e_N", "-", "natural course of the patient on the logarithm of severity", REAL),
    Symbol("kC", "1/h", "slow course under usual care, rate"),
    Symbol("e_C", "-", "slow course under usual care on the logarithm of severity", NOT_NEGATIVE),
    Symbol("M0", "point", "MADRS before treatment"),
    Symbol("M_max", "point", "highest score of the MADRS"),
)
"""Parameters of the chain behind the receptor; the numbers are on the card `mood`."""

MOOD_PEOPLE: Final = (
    *(
        Symbol(f"p_{name}", "-", f"expectation on the logarithm of severity: {what}")
        for name, what in (
            ("belief", "of a patient who is sure to get the drug"),
            ("theatre", "added under anaesthesia"),
            ("ward", "added on a ward"),
            ("emergency", "added in an emergency"),
        )
    ),
    Symbol("u_scale", "-", "full effect of a session as felt, in SDs of reports without the drug"),
    Symbol("u_midazolam", "-", "midazolam as felt, in the same SDs"),
    Symbol("u_spray", "-", "taste of a spray as felt, in the same SDs"),
    Symbol("f_old", "ratio", "fraction of all effects remaining from age 65"),
    *(
        Symbol(f"omega_{name}", "-", f"between patients: {what}, SD", NOT_NEGATIVE)
        for name, what in (
            ("sens", "sensitivity"),
            ("kS", "loss of synapses"),
            ("P", "expectation"),
            ("O", "effect of a new oral antidepressant"),
            ("N", "natural course"),
            ("C", "slow course under usual care"),
        )
    ),
    Symbol("omega_A", "-", "between sessions of a patient: fast arm, SD", NOT_NEGATIVE),
    Symbol("share_none", "fraction", "patients who never respond to the drug"),
    Symbol("share_none_O", "fraction", "patients who never respond to a new oral antidepressant"),
    Symbol("rho", "-", "correlation of sensitivity and durability between patients", CORRELATION),
    Symbol("sigma", "point", "error of a rating, new at every visit, SD", NOT_NEGATIVE),
    Symbol("omega_F", "point", "fluctuation of state within a patient, SD", NOT_NEGATIVE),
    Symbol("k_F", "1/h", "rate at which the fluctuation of state is forgotten"),
    *(
        Symbol(f"tau_{name}", "-", f"between trials: {what}, SD", NOT_NEGATIVE)
        for name, what in (
            ("early", "expectation and setting"),
            ("late", "natural course and clinical care"),
            ("drug", "effect of the drug, relative"),
            ("open", "one more early and late effect in open series"),
            ("series", "one more effect of the drug in open series, relative"),
        )
    ),
    Symbol("k_session", "1/h", "end of a session's lift"),
    Symbol("stop_drug", "1/h", "drop-out of patients who get the drug", NOT_NEGATIVE),
    Symbol("stop_control", "1/h", "drop-out of patients who get a control", NOT_NEGATIVE),
)
"""What the card `mood` holds of patients, trials and ratings: no parameter of the equations."""

MOOD = ResponseModel(
    name="mood",
    title="NMDA block, glutamate, neurotrophic drive, synapses, expectation, MADRS",
    source="ketasim",
    parameters=(*_RECEPTOR_PARAMETERS, *MOOD_PARAMETERS),
    definitions=(
        *_RECEPTOR_DEFINITIONS,
        Definition("S0", "1/(1 + stress)", "ratio", "synapses of the depressed steady state"),
    ),
    signals=(
        _DRIVE,
        Signal("C_HNK", "ng/mL", "hydroxynorketamine at the effect site", {("hnk", "effect"): "1"}),
        Signal("C_K", "ng/mL", "ketamine at the effect site", {("ketamine", "effect"): "1"}),
        Signal("x_session", "ratio", "a session under way", {(SESSION_STATE, AMOUNT): "1"}),
    ),
    quantities=(
        Definition("nmda_block", "1 - 1/(1 + x**hill)", "fraction", "NMDA receptor block"),
        Definition(
            "b",
            "maximum(nmda_block - used_to, 0)/B_opt",
            "ratio",
            "fresh block over that of the largest burst",
        ),
        Definition(
            "burst", "maximum(glutamate - 1, 0)", "ratio", "glutamate above its level at rest"
        ),
        Definition("drive", "maximum(formation - 1, 0)", "ratio", "delayed drive above rest"),
        Definition(
            "restored",
            "(synapses - S0)/(1 - S0)",
            "fraction",
            "restored fraction of the lost synapses",
        ),
        Definition(
            "by_drug",
            "sens*gate*(e_A*fast_arm + e_S*restored)",
            "-",
            "decrease in log severity due to the drug",
        ),
        Definition("by_expectation", "e_P*expectation", "-", "the same by expectation"),
        Definition("by_antidepressant", "e_O*antidepressant", "-", "the same by a new oral drug"),
        Definition(
            "by_course", "e_N*course + e_C*care", "-", "the same by natural course and usual care"
        ),
        Definition(
            "MADRS",
            "minimum(M_max, M0*exp(-by_drug - by_expectation - by_antidepressant - by_course))",
            "point",
            "score without error of measurement",
        ),
    ),
    states=(
        Turnover(
            "used_to",
            "fraction",
            "block to which the cells have adapted",
            "k_used",
            "k_used*nmda_block",
        ),
        Turnover(
            "glutamate",
            "ratio",
            "prefrontal glutamate over its level at rest",
            "kG",
            "kG*(1 + g_max*maximum(b**2*(1 + 2*(1 - b)), 0))",
            "1",
        ),
        Turnover("fast_arm", "h", "burst as mood remembers it", "kA", "burst + w_HNK*C_HNK", "0"),
        Turnover(
            "bdnf",
            "ratio",
            "neurotrophic drive over its level at rest",
            "kD",
            "kD*(1 + burst + w_5HT*C_K)",
            "1",
        ),
        Turnover("delay_1", "ratio", "drive on its way to new synapses", "kF", "kF*bdnf", "1"),
        Turnover("delay_2", "ratio", "the same, later", "kF", "kF*delay_1", "1"),
        Turnover(
            "formation", "ratio", "drive as new synapses see it, last", "kF", "kF*delay_2", "1"
        ),
        Turnover(
            "synapses",
            "ratio",
            "synapses over their healthy level",
            "kS*(1 + stress)",
            "kS + s_gain*drive*(1 - synapses)",
            "S0",
        ),
        Turnover(
            "expectation",
            "fraction",
            "expectation, 1 fully raised",
            "k_fade",
            "k_lift*x_session*(1 - expectation)",
            "0",
        ),
        Turnover(
            "antidepressant", "fraction", "onset of a new oral antidepressant", "kO", "kO", "0"
        ),
        Turnover(
            "course", "fraction", "natural course and clinical care of the trial", "kN", "kN", "0"
        ),
        Turnover("care", "fraction", "slow course under usual care", "kC", "kC", "0"),
    ),
    notes=(
        "Glutamate answers to a fresh block: it rises in a burst and falls under a lasting one.",
        "Severity is lowered on its logarithm: effects add there, multiply on the score, and the",
        "score stays above zero. What lowers it less than nothing raises it.",
        "The drive forms only what is lost, so repeated sessions restore less each and never more",
        "than all. Stress raises the loss, and with it how much is lost before treatment.",
        "Expectation rises in every session, also without a drug, and fades between them.",
        "The opioid gate, the serotonin and the hydroxynorketamine arm are switches, off unless",
        "asked for.",
    ),
)
"""The chain from the receptor to mood, as declared here; its numbers are on the card `mood`."""


def with_sessions(model: LinearModel) -> LinearModel:
    """Add the mark of a session to a pharmacokinetic model.

    **Arguments:**

    - `model`: any linear model.

    **Returns:** the model with the state `A_session`, which a dose of 1 mg of `session` by the
    route `session` fills and which fades at the rate `k_session`.
    """
    prefix = next(iter(model.streams.values()))[0].prefix
    return replace(
        model,
        states=(*model.states, Symbol(SESSION_STATE, "mg", "mark of a session under way")),
        parameters=(*model.parameters, Symbol("k_session", "1/h", "end of a session's lift")),
        flows=(*model.flows, Flow(SESSION_STATE, None, "k_session")),
        routes={**model.routes, SESSION_MARK: (Branch(SESSION_STATE),)},
        streams={**model.streams, SESSION_MARK: (Stream(prefix, 1.0),)},
    )


_CHAINS: dict[int, tuple[LinearModel, ChainModel]] = {}


def mood_chain(model: LinearModel) -> ChainModel:
    """Put the chain to mood behind a pharmacokinetic model with an effect site.

    **Arguments:**

    - `model`: such as `MODELS["reference"]`; it must give ketamine, norketamine and
      hydroxynorketamine at the effect site.

    **Returns:** the chain, one and the same for one model.

    **Raises:** `ValueError` when the model lacks what the chain sees.
    """
    key = id(model)
    if key not in _CHAINS:
        _CHAINS[key] = model, ChainModel("mood", with_sessions(model), MOOD)
    return _CHAINS[key][1]
