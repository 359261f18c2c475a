#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ebskeep_fuzzing::event(data));
