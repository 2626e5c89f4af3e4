# SPDX-License-Identifier: ISC
#
#   make demo    build, play the shipped model through lilv, write a .mid and a picture (ARCH=lstm, transformer, chorale)
#   make demo-jam   play with it: a melody harmonised, a song accompanied (PIECE=FILE.mid TRACK=NAME: your own)
#   make check   every test
#   make models MODELS="lstm transformer chorale" CORPORA=../shared/corpora   train the shipped models anew (hours)
#   make check-hosts   the plugin in jalv and Ardour, without display or sound card (some minutes)
#   make bench   every speed figure in the README (a few minutes)
#   make bench-reaction   how soon a player is followed, in our host and in jalv (ten minutes; REACTION has options)
#   make install PREFIX=/usr DESTDIR=... LV2DIR=...
#
# CFLAGS, CPPFLAGS, LDFLAGS are the packager's. What the project needs is in PMT_* variables.

CC       ?= cc
CFLAGS   ?= -O3 -g
PREFIX   ?= /usr/local
BINDIR   ?= $(PREFIX)/bin
MANDIR   ?= $(PREFIX)/share/man
DOCDIR   ?= $(PREFIX)/share/doc/partimento
LV2DIR   ?= $(PREFIX)/lib/lv2
BUILD    ?= build
WERROR   ?=
PKG_CONFIG ?= pkg-config

VERSION  := $(shell cat VERSION)
BUNDLE   := $(BUILD)/partimento.lv2
MODELS_DIR ?= models

# Packages: what the build, the demo and the tests need on Debian 12. `make deps` installs them.
PKG_MODULES := lv2 lilv-0 jansson cairo fluidsynth
DEBIAN_PACKAGES := gcc make pkg-config libc6-dev lv2-dev liblilv-dev libjansson-dev libcairo2-dev \
                   libopenblas-pthread-dev libfluidsynth-dev help2man
DEBIAN_TEST_PACKAGES := clang libclang-rt-14-dev sordi serdi lilv-utils valgrind mandoc
DEBIAN_HOST_PACKAGES := jackd2 jalv libjack-jackd2-dev ardour ardour-lv2-plugins valgrind xvfb

# -ffp-contract=off: the same notes on every machine (src/nn/kernel.h says why it is free).
PMT_CFLAGS := -std=c11 -fPIC -fvisibility=hidden -ffp-contract=off -Wall -Wextra -Wshadow -Wstrict-prototypes \
              -Wmissing-prototypes -Wpointer-arith -Wwrite-strings $(if $(WERROR),-Werror) -MMD -MP
PMT_CPPFLAGS := -Isrc -D_GNU_SOURCE -DPMT_VERSION='"$(VERSION)"'
PMT_LDFLAGS := -Wl,-z,relro,-z,now

ifneq ($(filter-out deps clean distclean,$(or $(MAKECMDGOALS),all)),)
  have := $(shell $(PKG_CONFIG) --exists $(PKG_MODULES) 2>/dev/null && echo yes)
  ifeq ($(have),yes)
    JANSSON_CFLAGS := $(shell $(PKG_CONFIG) --cflags jansson)
    JANSSON_LIBS := $(shell $(PKG_CONFIG) --libs jansson)
    LV2_CFLAGS := $(shell $(PKG_CONFIG) --cflags lv2)
    LILV_CFLAGS := $(shell $(PKG_CONFIG) --cflags lilv-0)
    LILV_LIBS := $(shell $(PKG_CONFIG) --libs lilv-0)
    CAIRO_CFLAGS := $(shell $(PKG_CONFIG) --cflags cairo)
    CAIRO_LIBS := $(shell $(PKG_CONFIG) --libs cairo)
    FLUID_CFLAGS := $(shell $(PKG_CONFIG) --cflags fluidsynth)
    FLUID_LIBS := $(shell $(PKG_CONFIG) --libs fluidsynth)
    BLAS_CFLAGS := $(shell $(PKG_CONFIG) --cflags openblas 2>/dev/null)
    BLAS_LIBS := $(shell $(PKG_CONFIG) --libs openblas 2>/dev/null || echo -lopenblas)
  endif
endif

LIB_SRC   := $(sort $(wildcard src/base/*.c src/nn/*.c src/music/*.c src/gen/*.c))
TRAIN_SRC := $(sort $(wildcard src/train/*.c src/measure/*.c))
TOOL_SRC  := $(sort $(wildcard tools/*.c))
PLUGIN_SRC := $(sort $(wildcard plugin/*.c))
GENERATOR_ONLY := plugin/generator_setup.c
INSTRUMENT_ONLY := $(sort $(wildcard plugin/instrument*.c plugin/synth*.c plugin/room*.c))
TESTS     := $(patsubst tests/%.c,%,$(sort $(wildcard tests/test_*.c)))
SUPPORT_SRC := $(sort $(wildcard tests/support/*.c))
BENCHES   := $(patsubst bench/%.c,%,$(sort $(wildcard bench/bench_*.c)))

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
LIB := $(BUILD)/libpartimento.a
TRAIN_LIB := $(BUILD)/libpartimento-train.a

# V=1 shows each command.
COMPILE = $(CC) $(PMT_CPPFLAGS) $(CPPFLAGS) $(PMT_CFLAGS) $(CFLAGS)

.PHONY: all tool plugin deps demo demo-jam models check check-unit bench install uninstall clean distclean man
all: tool plugin

tool: $(BUILD)/partimento
plugin: $(BUNDLE)/partimento.so $(BUNDLE)/partimento-instrument.so

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC $@";) $(COMPILE) $(EXTRA_$(basename $(notdir $<))) $(EXTRA_$(firstword $(subst /, ,$<))) -c -o $@ $<

# Extra flags by folder or by file: EXTRA_<top folder>, EXTRA_<file name without .c>.
EXTRA_src = $(JANSSON_CFLAGS) $(BLAS_CFLAGS)
EXTRA_tools = $(LILV_CFLAGS) $(LV2_CFLAGS) $(CAIRO_CFLAGS) $(JANSSON_CFLAGS) -Iplugin
EXTRA_plugin = $(LV2_CFLAGS) $(FLUID_CFLAGS) -Iplugin
EXTRA_tests = $(LILV_CFLAGS) $(LV2_CFLAGS) $(CAIRO_CFLAGS) $(JANSSON_CFLAGS) $(BLAS_CFLAGS) -Itests -Iplugin
EXTRA_bench = $(LILV_CFLAGS) $(LV2_CFLAGS) $(BLAS_CFLAGS) -Itests -Iplugin
ifneq ($(filter x86_64% i686%,$(shell $(CC) -dumpmachine)),)
  EXTRA_kernel_avx2 := -mavx2 -mf16c
  EXTRA_kernel_avx512 := -mavx512f -mprefer-vector-width=512
endif

$(LIB): $(call obj,$(LIB_SRC))
	@rm -f $@
	$(AR) rcs $@ $^
$(TRAIN_LIB): $(call obj,$(TRAIN_SRC))
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/partimento: $(call obj,$(TOOL_SRC)) $(TRAIN_LIB) $(LIB)
	$(CC) $(CFLAGS) $(PMT_LDFLAGS) $(LDFLAGS) -o $@ $^ $(LILV_LIBS) $(CAIRO_LIBS) $(JANSSON_LIBS) $(BLAS_LIBS) -lpthread -lm

# The bundle, whole: a host can be pointed at build/ as its LV2_PATH. Two plugins, each in an object of its own: a host
# that wants MIDI only does not load a synthesizer. nodelete: GLib, which libfluidsynth brings along, does not survive
# that the host unloads it with the plugin and loads it again (docs/instrument.md).
#
# What is in it: every model there is, and of the presets those whose model is there. Each names one.
MODEL_FILES := $(sort $(wildcard $(MODELS_DIR)/*.safetensors))
PRESET_MODELS := $(shell awk -F'[<>]' '/<urn:partimento:model>/ { print FILENAME "=" $$4 }' presets/*.ttl)
PRESETS := $(notdir $(foreach p,$(PRESET_MODELS),$(if $(filter $(MODELS_DIR)/$(notdir $p),$(MODEL_FILES)),$(firstword $(subst =, ,$p)))))
TTL := $(addprefix $(BUNDLE)/,manifest.ttl generator.ttl instrument.ttl \
         $(PRESETS:%=presets/%) $(PRESETS:%=presets/instrument-%))
BUNDLE_MODELS := $(MODEL_FILES:$(MODELS_DIR)/%=$(BUNDLE)/%)
CONTENTS := $(BUILD)/bundle.contents
LINK_PLUGIN = $(CC) $(CFLAGS) -shared $(PMT_LDFLAGS) -Wl,-z,defs -Wl,--version-script,plugin/lv2.map $(LDFLAGS) -o $@ $(filter %.o %.a,$^)
$(BUNDLE)/partimento.so: $(call obj,$(filter-out $(INSTRUMENT_ONLY),$(PLUGIN_SRC))) $(LIB) $(TTL) $(BUNDLE_MODELS) plugin/lv2.map
	@mkdir -p $(@D)
	$(LINK_PLUGIN) $(JANSSON_LIBS) -lm
$(BUNDLE)/partimento-instrument.so: $(call obj,$(filter-out $(GENERATOR_ONLY),$(PLUGIN_SRC))) $(LIB) $(TTL) $(BUNDLE_MODELS) plugin/lv2.map
	@mkdir -p $(@D)
	$(LINK_PLUGIN) -Wl,-z,nodelete $(JANSSON_LIBS) $(FLUID_LIBS) -lm

# Every line about a plugin is written once, for the generator. The instrument's turtle is the same with other names; what
# only one of the two has stands between "#[generator" or "#[instrument" and "#]".
VERSION_PARTS := $(subst ., ,$(VERSION))
FOR_BOTH := -e 's/@MINOR@/$(word 2,$(VERSION_PARTS))/' -e 's/@MICRO@/$(word 3,$(VERSION_PARTS))/' -e '/^\#\]/d'
FOR_GENERATOR := -e '/^\#\[instrument/,/^\#\]/d' -e '/^\#\[generator/d' $(FOR_BOTH)
FOR_INSTRUMENT := -e '/^\#\[generator/,/^\#\]/d' -e '/^\#\[instrument/d' $(FOR_BOTH) \
                  -e 's|urn:partimento:generator|urn:partimento:instrument|' \
                  -e 's|urn:partimento:preset:|urn:partimento:instrument:preset:|' \
                  -e 's|<generator.ttl>|<instrument.ttl>|' -e 's|<partimento.so>|<partimento-instrument.so>|' \
                  -e 's|<presets/|<presets/instrument-|'
$(BUNDLE)/generator.ttl: ttl/plugin.ttl.in VERSION Makefile
	@mkdir -p $(@D)
	sed $(FOR_GENERATOR) $< > $@
$(BUNDLE)/instrument.ttl: ttl/plugin.ttl.in VERSION Makefile
	@mkdir -p $(@D)
	sed $(FOR_INSTRUMENT) $< > $@
# Another list of models or presets than last time: the manifest, and all that it names, is made anew.
.PHONY: FORCE bundle-data
bundle-data: $(TTL) $(BUNDLE_MODELS)
$(CONTENTS): FORCE
	@mkdir -p $(@D)
	@echo '$(notdir $(MODEL_FILES)) $(PRESETS)' | cmp -s - $@ || { rm -rf $(BUNDLE)/presets $(BUNDLE)/*.safetensors; \
	  echo '$(notdir $(MODEL_FILES)) $(PRESETS)' > $@; }
MANIFEST = { sed '/^\#\[preset/,/^\#\]/d' $<; for p in $(basename $(PRESETS)); do \
             sed -n -e "/^\#\[preset/,/^\#\]/{/^\#/d;s/@PRESET@/$$p/;p}" $<; done; }
$(BUNDLE)/manifest.ttl: ttl/manifest.ttl.in Makefile $(CONTENTS)
	@mkdir -p $(@D)
	{ $(MANIFEST) | sed $(FOR_GENERATOR); $(MANIFEST) | sed $(FOR_INSTRUMENT); } > $@
$(BUNDLE)/presets/instrument-%.ttl: presets/%.ttl Makefile $(CONTENTS)
	@mkdir -p $(@D)
	sed $(FOR_INSTRUMENT) $< > $@
$(BUNDLE)/presets/%.ttl: presets/%.ttl $(CONTENTS)
	@mkdir -p $(@D)
	cp $< $@
$(BUNDLE)/%.safetensors: $(MODELS_DIR)/%.safetensors $(CONTENTS)
	@mkdir -p $(@D)
	cp $< $@

# Tests: one program a module, linked with everything; shell tests beside them.
SUPPORT_OBJ := $(call obj,$(SUPPORT_SRC))
$(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(SUPPORT_OBJ) $(TRAIN_LIB) $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -rdynamic $(LDFLAGS) -o $@ $^ $(LILV_LIBS) $(CAIRO_LIBS) $(JANSSON_LIBS) $(BLAS_LIBS) -ldl -lpthread -lm
$(BUILD)/bench/%: $(BUILD)/obj/bench/%.o $(SUPPORT_OBJ) $(TRAIN_LIB) $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LILV_LIBS) $(JANSSON_LIBS) $(BLAS_LIBS) -ldl -lpthread -lm
.SECONDARY:

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# Every goal a newcomer types first asks for its packages itself, then starts make anew, which now finds them.
deps:
	tools/deps.sh $(DEBIAN_PACKAGES) $(DEBIAN_TEST_PACKAGES) $(DEBIAN_HOST_PACKAGES)
.PHONY: need-build need-tests need-hosts
need-build:
	@$(PKG_CONFIG) --exists $(PKG_MODULES) 2>/dev/null && command -v help2man >/dev/null && \
	  { $(PKG_CONFIG) --exists openblas 2>/dev/null || test -e /usr/include/cblas.h; } || tools/deps.sh $(DEBIAN_PACKAGES)
need-tests: need-build
	@missing=; for c in clang sord_validate serdi lv2info valgrind mandoc; do \
	  command -v $$c >/dev/null || missing=yes; done; \
	  test -z "$$missing" || tools/deps.sh $(DEBIAN_PACKAGES) $(DEBIAN_TEST_PACKAGES)
need-hosts: need-build
	@$(PKG_CONFIG) --exists jack 2>/dev/null || missing=yes; for c in jackd jalv jalv.gtk3 ardour7-lua valgrind Xvfb; do \
	  command -v $$c >/dev/null || missing=yes; done; \
	  test -z "$$missing" || tools/deps.sh $(DEBIAN_HOST_PACKAGES) || echo "some host tests will be skipped" >&2

# Manual pages are what --help says: they cannot disagree.
COMMANDS := train benchmark evaluate generate inspect play tokens
MANPAGES := $(BUILD)/man/partimento.1 $(COMMANDS:%=$(BUILD)/man/partimento-%.1)
man: $(MANPAGES)
HELP2MAN = help2man --no-info --section=1 --source="Partimento $(VERSION)" --manual="User commands" \
           --version-string="$(VERSION)"
$(BUILD)/man/partimento.1: $(BUILD)/partimento
	@mkdir -p $(@D)
	$(HELP2MAN) --name="neural MIDI generator: train, play and inspect" -o $@ $<
$(BUILD)/man/partimento-%.1: $(BUILD)/partimento
	@mkdir -p $(@D)
	$(HELP2MAN) --name="$$($< $* --help | sed -n 2p)" -o $@ "$< $*"

# ARCH says which model plays: its file, its tempo, its automation, what is written. One from the environment does not
# count: kernels and packagers have a variable of that name, too.
ifneq ($(origin ARCH),command line)
  ARCH := lstm
endif
DEMO := $(BUILD)/demo
DEMO_MODELS := $(BUNDLE)
DEMO_OF_lstm := partimento 108 demo.automation demo
DEMO_OF_transformer := partimento-transformer 108 demo.automation demo-transformer
DEMO_OF_chorale := partimento-chorale 84 demo-chorale.automation demo-chorale
DEMO_MODEL = $(DEMO_MODELS)/$(word 1,$(DEMO_OF_$(ARCH))).safetensors
DEMO_OUT = $(DEMO)/$(word 4,$(DEMO_OF_$(ARCH)))
demo: need-build
	@test -n "$(DEMO_OF_$(ARCH))" || { echo "make demo: ARCH=$(ARCH): there are lstm, transformer and chorale" >&2; exit 2; }
	@+$(MAKE) --no-print-directory all
	@test -e "$(DEMO_MODEL)" || { echo "make demo: ARCH=$(ARCH): $(notdir $(DEMO_MODEL)) is not in $(DEMO_MODELS)" >&2; exit 1; }
	@mkdir -p $(DEMO)
	$(BUILD)/partimento play --bundle $(BUNDLE) --uri urn:partimento:generator --bars 32 --meter 4/4 --block 256 --seed 9 \
	  --tempo $(word 2,$(DEMO_OF_$(ARCH))) --automate docs/$(word 3,$(DEMO_OF_$(ARCH))) \
	  $(if $(filter-out lstm,$(ARCH)),--model $(DEMO_MODEL)) --out $(DEMO_OUT).mid --picture $(DEMO_OUT).png
	@echo "music:   $(DEMO_OUT).mid"
	@echo "picture: $(DEMO_OUT).png"

# A player's part goes into the plugin: the chorale model finds three voices to it (mode 3), the songbook style of the
# first model accompanies it (mode 1). YOU says which part it is (0 = the melody, 1 = the chords), as the control you_play.
PIECE ?= $(DEMO)/tune.mid
TRACK ?= Melody
YOU ?= 0
JAM = $(BUILD)/partimento play --bundle $(BUNDLE) --uri urn:partimento:generator --block 256 --seed 7 \
      --player "$(PIECE)" --player-track "$(TRACK)" --set you_play=$(YOU)
$(DEMO)/tune.mid: docs/jam/ode.txt tools/text2midi.sh
	@mkdir -p $(@D)
	tools/text2midi.sh $< $@
demo-jam: need-build
	@+$(MAKE) --no-print-directory all $(DEMO)/tune.mid
	$(JAM) --model $(DEMO_MODELS)/partimento-chorale.safetensors --set mode=3 \
	  --out $(DEMO)/jam-harmonise.mid --picture $(DEMO)/jam-harmonise.png
	$(JAM) --model $(DEMO_MODELS)/partimento.safetensors --set style=songbook --set mode=1 \
	  --out $(DEMO)/jam-accompany.mid --picture $(DEMO)/jam-accompany.png
	@for jam in harmonise accompany; do \
	  echo "music:   $(DEMO)/jam-$$jam.mid"; echo "picture: $(DEMO)/jam-$$jam.png"; done

# Trains the shipped models anew, into build/models: hours. models/NAME.options has the options; models/ is not touched.
# Never by the age of files: it happens when you say so, goes on where it was stopped, and leaves alone what is finished.
CORPORA ?= ../shared/corpora
MODELS ?= lstm-first lstm transformer-first transformer chorale-first chorale
MODELS_OUT := $(BUILD)/models
models: need-build
	@+$(MAKE) --no-print-directory tool
	@tools/models.sh $(BUILD)/partimento models "$(CORPORA)" $(MODELS_OUT) $(MODELS)

# check = gcc, clang and sanitizer builds; scripts run on the first. CI makes every warning an error.
CHECK_SH := $(sort $(wildcard tests/test_*.sh))
SANITIZE := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
.PHONY: tests check-run check-programs
tests: all $(TESTS:%=$(BUILD)/tests/%) $(BUILD)/tests/net_logits
check: need-tests
	+$(MAKE) --no-print-directory CC=gcc WERROR=$(CI) all man tests
	+$(MAKE) --no-print-directory CC=clang BUILD=$(BUILD)/clang WERROR=$(CI) all tests
	+$(MAKE) --no-print-directory CC=gcc BUILD=$(BUILD)/sanitize CFLAGS="$(SANITIZE)" WERROR=$(CI) tests
	tests/run.sh $(BUILD) $(TESTS:%=$(BUILD)/tests/%) $(TESTS:%=$(BUILD)/clang/tests/%) \
	  $(TESTS:%=$(BUILD)/sanitize/tests/%) $(CHECK_SH)
check-unit:
	+$(MAKE) --no-print-directory tests
	tests/run.sh $(BUILD) $(TESTS:%=$(BUILD)/tests/%)

# Ten million cycles of everything that hosts do (a minute or two).
.PHONY: soak
soak: plugin $(BUILD)/tests/test_soak
	$(BUILD)/tests/test_soak 10000000

# Real hosts. Where there is no JACK to link with, its driver is not built and the tests that need it are skipped.
HOST_SH := $(sort $(wildcard tests/hosts/test_*.sh))
HOST_PROGRAMS := notelist notefile lilv_session $(if $(shell $(PKG_CONFIG) --exists jack 2>/dev/null && echo yes),jackdrive)
$(BUILD)/tests/hosts/jackdrive: $(BUILD)/obj/tests/hosts/jackdrive.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(shell $(PKG_CONFIG) --libs jack) -lm
EXTRA_lilv_session := -Itools
$(BUILD)/tests/hosts/lilv_session: $(BUILD)/obj/tests/hosts/lilv_session.o $(call obj,$(wildcard tools/host*.c) tools/cli.c) $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LILV_LIBS) $(JANSSON_LIBS) -ldl -lpthread -lm
.PHONY: check-hosts host-programs
host-programs: all $(HOST_PROGRAMS:%=$(BUILD)/tests/hosts/%) $(BUILD)/tests/test_tiny_model
check-hosts: need-hosts
	@+$(MAKE) --no-print-directory WERROR=$(CI) host-programs
	tests/run.sh $(BUILD) $(HOST_SH)

bench: need-build
	@+$(MAKE) --no-print-directory all $(BENCHES:%=$(BUILD)/bench/%)
	@for b in $(BENCHES); do echo "== $$b"; $(BUILD)/bench/$$b || exit 1; done
	@if /usr/bin/python3 -c 'import torch' 2>/dev/null; then echo "== bench_torch"; \
	  tools/torch/bench_torch.py --beside $(BUILD)/bench/bench_train; else echo "== bench_torch: no python3-torch"; fi

# How soon the plugin follows a player. bench/reaction.sh says what REACTION may hold.
REACTION ?=
.PHONY: bench-reaction
bench-reaction: need-hosts
	@+$(MAKE) --no-print-directory host-programs
	@BUILD=$(BUILD) bench/reaction.sh $(REACTION)

DIR_LV2 := $(DESTDIR)$(LV2DIR)/partimento.lv2
DIR_BIN := $(DESTDIR)$(BINDIR)
DIR_MAN := $(DESTDIR)$(MANDIR)/man1
DIR_DOC := $(DESTDIR)$(DOCDIR)
CARDS := $(wildcard $(MODEL_FILES:.safetensors=.md) $(MODEL_FILES:.safetensors=.svg))
install: all man
	@test -e $(BUNDLE)/partimento.safetensors || { echo "make install: $(MODELS_DIR)/partimento.safetensors is missing" >&2; exit 1; }
	install -d $(DIR_BIN) $(DIR_MAN) $(DIR_DOC)/LICENSES $(DIR_LV2)/presets
	install -m 0755 $(BUILD)/partimento $(DIR_BIN)/
	install -m 0644 $(MANPAGES) $(DIR_MAN)/
	install -m 0755 $(BUNDLE)/partimento.so $(BUNDLE)/partimento-instrument.so $(DIR_LV2)/
	install -m 0644 $(filter-out $(BUNDLE)/presets/%,$(TTL)) $(BUNDLE_MODELS) $(DIR_LV2)/
	install -m 0644 $(filter $(BUNDLE)/presets/%,$(TTL)) $(DIR_LV2)/presets/
	$(if $(CARDS),install -m 0644 $(CARDS) $(DIR_DOC)/)
	install -m 0644 LICENSES/* $(DIR_DOC)/LICENSES/
uninstall:
	rm -f $(DIR_BIN)/partimento $(MANPAGES:$(BUILD)/man/%=$(DIR_MAN)/%)
	rm -rf $(DIR_LV2)
	rm -f $(CARDS:$(MODELS_DIR)/%=$(DIR_DOC)/%) $(addprefix $(DIR_DOC)/,$(wildcard LICENSES/*))
	@test ! -d $(DIR_DOC)/LICENSES || rmdir --ignore-fail-on-non-empty $(DIR_DOC)/LICENSES
	@test ! -d $(DIR_DOC) || rmdir --ignore-fail-on-non-empty $(DIR_DOC)

clean:
	rm -rf $(BUILD)
