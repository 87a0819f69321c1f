# `make results/table1.csv` and `make test` are all that a new user types; each sets up first.
# What has to be made again is for Snakemake to say, so no target here is a file to make.
.PHONY: results/table1.csv test

define set_up
@for python in python3.11 python3; do \
	if $$python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2> /dev/null; then \
		exec $$python tools/set_up.py $(1); \
	fi; \
done; \
echo 'Python 3.11 is needed, and the PATH has neither python3.11 nor a python3 that is one' >&2; exit 1
endef

in_venv = env -u PYTHONPATH -u PYTHONHOME PYTHONNOUSERSITE=1 PATH="$(CURDIR)/.venv/bin:$$PATH"

results/table1.csv:
	$(call set_up)
	$(in_venv) snakemake --cores all $@

test:
	$(call set_up,--tests)
	$(in_venv) python -m pytest
