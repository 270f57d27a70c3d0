# Read by other scripts: the Debian packages that Qt and VTK need, and those of a virtual screen.
qt_packages="libgl1 libegl1 libglib2.0-0 libdbus-1-3 libfontconfig1 libxkbcommon0 libxcb-cursor0 libxcb-icccm4
libxcb-keysyms1 libxcb-shape0 libxcb-xkb1 libxkbcommon-x11-0"
screen_packages="xvfb xauth"
