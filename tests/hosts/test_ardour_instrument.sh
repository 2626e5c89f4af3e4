#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# urn:partimento:instrument through a session's life in Ardour: it sounds by itself.
set -u
. tests/hosts/hosts.sh
. tests/hosts/ardour.sh
. tests/hosts/ardour_life.sh
session_life "$instrument" Temperature '' ''
verdict
