# The commands of a checkout. A newcomer needs `make run` alone.
PYTHON ?= python3
PY := .venv/bin/python
ARGS ?=
FAULTS ?=
FILES := config earwig spooling stats templates_app tests manage.py gunicorn.conf.py

hash = $(shell cat $(1) | $(PYTHON) -c "import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest()[:16])")
RUN := .venv/.stamp-run-$(call hash,requirements.txt)
DEV := .venv/.stamp-dev-$(call hash,requirements.txt requirements-dev.txt)

# smtp-source and smtp-sink of Postfix measure what the machine can do; unpacked here where they are not installed.
POSTFIX := $(CURDIR)/var/postfix
SMTP_TOOLS := $(if $(shell command -v smtp-sink),,$(POSTFIX)/usr/sbin/smtp-sink)
WITH_SMTP_TOOLS := PATH="$(POSTFIX)/usr/sbin:$$PATH" LD_LIBRARY_PATH="$(POSTFIX)/usr/lib/postfix:$$LD_LIBRARY_PATH"

# Mail servers whose reports on mails the tests read, and the reports that a library was made for.
EXIM := $(CURDIR)/var/exim
REPORTS := $(CURDIR)/var/flufl.bounce

.PHONY: run test lint format bench bench-large bench-counts faults mail-servers clean

run: $(RUN)
	@exec $(PY) manage.py up $(ARGS)

# Embedded first; then, on the database and broker that the environment names, those that ask a database.
test: $(DEV)
	env -u TEST_DATABASE_URL -u TEST_BROKER_URL $(PY) -m pytest -n 2 $(ARGS)
	@if [ -n "$$TEST_DATABASE_URL" ]; then set -x; $(PY) -m pytest -n 2 --stores $(ARGS); fi

lint: export EARWIG_DATA = $(CURDIR)/var/lint
lint: $(DEV)
	$(PY) -m black --check --line-length 110 $(FILES)
	$(PY) -m isort --check --quiet $(FILES)
	$(PY) -m flake8 $(FILES)
	$(PY) -m mypy
	.venv/bin/lint-imports
	$(PY) manage.py makemigrations --check --dry-run
	$(PY) manage.py check
	$(PY) manage.py spectacular --validate --fail-on-warn --file /dev/null

format: $(DEV)
	$(PY) -m black --quiet --line-length 110 $(FILES)
	$(PY) -m isort --quiet $(FILES)

bench: $(DEV) $(SMTP_TOOLS)
	$(WITH_SMTP_TOOLS) $(PY) -m tests.benchmarks $(ARGS)

bench-large: $(DEV) $(SMTP_TOOLS)
	$(WITH_SMTP_TOOLS) $(PY) -m tests.benchmarks --large $(ARGS)

bench-counts: $(DEV) $(SMTP_TOOLS)
	$(WITH_SMTP_TOOLS) $(PY) -m tests.benchmarks --counts $(ARGS)

faults: $(DEV) $(SMTP_TOOLS)
	$(WITH_SMTP_TOOLS) $(PY) -m tests.faults $(FAULTS)

$(PY):
	$(PYTHON) -m venv .venv

$(RUN): | $(PY)
	$(PY) -m pip install --quiet --requirement requirements.txt
	@touch $@

$(DEV): | $(PY)
	$(PY) -m pip install --quiet --requirement requirements-dev.txt
	@touch $@ $(RUN)

$(POSTFIX)/usr/sbin/smtp-sink:
	mkdir -p $(POSTFIX)
	cd $(POSTFIX) && apt-get download postfix && dpkg -x postfix_*.deb .

mail-servers: $(POSTFIX)/usr/sbin/smtp-sink $(EXIM)/usr/sbin/exim4 $(REPORTS)/tests

# Not for other users: it would drop what it is told of its libraries.
$(EXIM)/usr/sbin/exim4:
	mkdir -p $(EXIM)
	cd $(EXIM) && apt-get download exim4-daemon-light libidn12 libnss-wrapper
	cd $(EXIM) && for package in *.deb; do dpkg -x $$package .; done
	chmod u-s $@

$(REPORTS)/tests: | $(DEV)
	mkdir -p $(REPORTS)
	$(PY) -m pip download --quiet --no-deps --no-binary :all: --dest $(REPORTS) $$(grep flufl requirements.txt)
	tar -xzf $(REPORTS)/flufl_bounce-*.tar.gz -C $(REPORTS) --strip-components 1
	@touch $@

clean:
	rm -rf .venv var
