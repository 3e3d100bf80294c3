"""The back ends behind one face."""
