"""`python -m ketasim` is the command line."""

from ketasim.apps.cli import main

if __name__ == "__main__":
    main()
