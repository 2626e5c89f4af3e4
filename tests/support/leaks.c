/* SPDX-License-Identifier: ISC */
/* What the leak checker of a sanitizer build shall not tell of, because it is not ours: the loader's own memory for an
   object that is never unloaded (the instrument is linked so), and what libfluidsynth loses over a damaged SoundFont.
   Weak: a test that has a list of its own has that. */
const char* __lsan_default_suppressions(void);
__attribute__((visibility("default"), weak)) const char* __lsan_default_suppressions(void) {
  return "leak:_dl_map_object_deps\nleak:libfluidsynth\n";
}
