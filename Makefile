# A newcomer types these; `make help` lists them, and docs/commands.txt is that list. Each sets up first.
# No target is a file, as Snakemake decides what to make again, but the mark of a complete benchmark environment.
.PHONY: help small audit table1 leaderboard summary all report results/table1.csv check test \
	benchmark-neighbours benchmark-report benchmark-leaderboard

define python_3_11
@for python in python3.11 python3; do \
	if $$python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2> /dev/null; then \
		exec $$python $(1); \
	fi; \
done; \
echo 'Python 3.11 is needed, and the PATH has neither python3.11 nor a python3 that is one' >&2; exit 1
endef

set_up = $(call python_3_11,tools/set_up.py $(1))
own_python = env -u PYTHONPATH -u PYTHONHOME PYTHONNOUSERSITE=1
in_venv = $(own_python) PATH="$(CURDIR)/.venv/bin:$$PATH"
snakemake = $(in_venv) snakemake $(1) $(if $(CONFIG),--configfile $(CONFIG))

help:
	@cat docs/commands.txt

small: override CONFIG := config/small.yaml $(CONFIG)
small: all
	@echo 'Open results/small/leaderboard/index.html and results/small/summary.html in a browser.'

# CONFIG names the audits: config/audit.yaml is one to copy.
audit:
	$(call set_up)
	$(call snakemake,audits)

table1: results/table1.csv

results/table1.csv leaderboard summary all:
	$(call set_up)
	$(call snakemake,$@)

report: all
	$(call snakemake,all --report report.html)

# Each worker has a core of its own.
check test: export OMP_NUM_THREADS := 1
check:
	$(call set_up,--tests)
	$(in_venv) python -m pytest --numprocesses auto --dist loadfile -m 'not slow' tests/test_lint.py tests/unit

test:
	$(call set_up,--tests)
	$(in_venv) python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

benchmark-neighbours: .venv-benchmarks/requirements.txt
	$(call set_up)
	$(own_python) PATH="$(CURDIR)/.venv-benchmarks/bin:$(CURDIR)/.venv/bin:$$PATH" snakemake \
		--snakefile benchmarks/Snakefile --workflow-profile none --cores 2 --rerun-incomplete

benchmark-report:
	$(call set_up,--tests)
	$(in_venv) PYTHONPATH=scripts python benchmarks/report.py

benchmark-leaderboard:
	$(call set_up,--tests)
	$(in_venv) PYTHONPATH=scripts python benchmarks/report.py --target=results/leaderboard

.venv-benchmarks/requirements.txt: benchmarks/requirements.txt
	$(call python_3_11,-m venv --clear .venv-benchmarks)
	$(own_python) .venv-benchmarks/bin/python -m pip --no-input install --requirement $<
	cp $< $@
