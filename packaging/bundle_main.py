"""What a bundle starts: the program, or what it asks of its own Python: `-m MODULE`, `-c CODE`, a process of many."""

import multiprocessing
import runpy
import sys

if __name__ == "__main__":
    multiprocessing.freeze_support()
    if sys.argv[1:2] == ["-m"]:
        sys.argv = sys.argv[2:]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    elif sys.argv[1:2] == ["-c"]:
        code, sys.argv = sys.argv[2], ["-c", *sys.argv[3:]]
        exec(code, {"__name__": "__main__"})
    else:
        from probescope.main import main

        sys.exit(main())
