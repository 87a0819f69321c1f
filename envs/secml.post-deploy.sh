# secml says that it needs Python < 3.11 and, for parts that are not used here, matplotlib and others;
# it runs without, and a list of pip's has no way to leave a package's own demands aside.
set -eu
python -m pip install --no-input --no-deps --ignore-requires-python secml==0.15.6
