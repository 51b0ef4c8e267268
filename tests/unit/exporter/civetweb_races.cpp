// CivetWeb 1.15 tells its threads to stop through a volatile int, which the thread sanitizer
// rightly calls a race. It is harmless: the threads look at it until they see it. (Its switch
// STOP_FLAG_NEEDS_LOCK makes it an atomic that is also read as it is.)
extern "C" const char* __tsan_default_suppressions() {  // NOLINT(bugprone-reserved-identifier)
  return "race:mg_stop\n";
}
