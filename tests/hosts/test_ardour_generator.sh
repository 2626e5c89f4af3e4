#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# urn:partimento:generator through a session's life in Ardour, a control automated and a preset loaded.
set -u
. tests/hosts/hosts.sh
. tests/hosts/ardour.sh
. tests/hosts/ardour_life.sh
# ACE Reasonable Synth, of ardour-lv2-plugins
session_life "$generator" Temperature urn:partimento:preset:rag https://community.ardour.org/node/7596
verdict
