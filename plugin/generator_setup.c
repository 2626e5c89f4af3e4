/* SPDX-License-Identifier: ISC */
/* urn:partimento:generator: what both plugins share, and nothing else. Never in the audio thread. Above: the host.
   Below: partimento_setup.c, partimento.c */
#include "plugin.h"

static LV2_Handle instantiate(const LV2_Descriptor* descriptor, double rate, const char* bundle,
                              const LV2_Feature* const* features) {
  return pmt_plugin_new(sizeof(PmtPlugin), descriptor, rate, bundle, features);
}

LV2_SYMBOL_EXPORT const LV2_Descriptor* lv2_descriptor(uint32_t index) {
  static const LV2_Descriptor descriptor = {PMT_PLUGIN_URI,      instantiate,    pmt_plugin_connect_port,
                                            pmt_plugin_activate, pmt_plugin_run, pmt_plugin_deactivate,
                                            pmt_plugin_free,     pmt_plugin_extension_data};
  return index ? NULL : &descriptor;
}
