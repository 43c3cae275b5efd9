"""python -m letterlock"""

from letterlock.doors.cli import main

if __name__ == "__main__":
    main()
