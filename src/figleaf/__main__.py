"""`python -m figleaf`."""

from figleaf.cli import main

if __name__ == "__main__":
    main()
