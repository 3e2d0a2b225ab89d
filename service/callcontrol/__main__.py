"""`python -m callcontrol` is the program `callcontrol`."""

from callcontrol.cli.main import main

if __name__ == "__main__":
    main()
