# make demo    set everything up and run the main job on this machine
# make test    set everything up and run linters and tests
VENV := .venv
DEMO := demo
SECONDS_EACH := 60

.PHONY: demo test matrix lab lab-long lab-truth lab-daemons lint format docs texts schema samples bench bench-detectors bench-stacks bench-day bench-report faults soak clean

demo: $(VENV)/.report
	@rm -rf "$(DEMO)"
	@$(VENV)/bin/haready demo --duration $(SECONDS_EACH)s -o "$(DEMO)"

test: lint
	$(VENV)/bin/python -m pytest -q -n 3 -m "not lab and not matrix"

# The long series of seeds, and the drawing of all samples, whose short versions are in `make test`.
matrix: $(VENV)/.dev
	$(VENV)/bin/python -m pytest -q -n 3 -m matrix

# Real collectors across a WAN whose log is the truth. Needs root and a quiet machine: it compares times.
lab: $(VENV)/.dev
	$(VENV)/bin/python -m pytest -q -m "lab and not long"

# Ten minutes of bandwidth tests among four nodes, one of which is killed and started again. Needs root.
lab-long: $(VENV)/.dev
	$(VENV)/bin/python -m pytest -q -s -m long

# What was injected beside what was measured, into docs/accuracy.md. Needs root, a quiet machine and about 20 minutes.
lab-truth: $(VENV)/.dev
	$(VENV)/bin/python tests/truth.py

# keepalived, corosync and etcd from Debian's packages (apt-get install keepalived corosync etcd-server) across a WAN with outages, against the
# replay. Needs root, a quiet machine and about 20 minutes.
lab-daemons: $(VENV)/.dev
	$(VENV)/bin/python tests/daemons.py

lint: $(VENV)/.dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

format: $(VENV)/.dev
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

# docs/rules.md, from the rules and profiles.
docs: $(VENV)/.dev
	$(VENV)/bin/python tools/rules_page.py

# reports/texts/haready.pot, from the texts in the sources.
texts: $(VENV)/.dev
	$(VENV)/bin/python tools/texts.py

# analyzer/schemas/assessment-N.json, from the contract.
schema: $(VENV)/.dev
	$(VENV)/bin/python tools/schema.py

# The synthetic samples: archives, assessments and reports, and whether they show what was expected. About eight minutes, most of them for two days.
samples: $(VENV)/.dev
	$(VENV)/bin/python tools/make_samples.py

# What the collector costs, beside tools a user could run instead. As root it installs those for the comparison.
bench: $(VENV)/.dev
	$(VENV)/bin/python tests/bench/cost.py

# How long the replay of a day through all failure detectors takes, beside plain loops.
bench-detectors: $(VENV)/.dev
	$(VENV)/bin/python tests/bench/detectors.py

# How long the advice of all stacks takes for a day of a trio; at most 3 s.
bench-stacks: $(VENV)/.dev
	$(VENV)/bin/python tests/bench/stacks.py

# Size, memory and time to seal of a day's archive, on a fake clock. About four minutes.
bench-day: $(VENV)/.dev
	$(VENV)/bin/python tests/bench/day.py

# CPU, memory and size of the report of a day, beside one with its charts as pictures. About five minutes.
bench-report: $(VENV)/.dev
	$(VENV)/bin/python tests/bench/report.py

# What ends or disturbs a run, and what is left of it, into docs/reliability.md. Needs root (small disks of its own) and about five minutes.
faults: $(VENV)/.dev
	$(VENV)/bin/python tests/faults.py

# A real run of three nodes: does memory grow, are ticks missed? Into docs/reliability.md. Needs 45 minutes and a quiet machine.
soak: $(VENV)/.dev
	$(VENV)/bin/python tests/soak.py

$(VENV)/.report: pyproject.toml tools/setup
	@tools/setup $(VENV) report
	@touch $@

$(VENV)/.dev: pyproject.toml tools/setup
	@tools/setup $(VENV) report,dev
	@touch $@ $(VENV)/.report

clean:
	rm -rf $(VENV) $(DEMO) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
