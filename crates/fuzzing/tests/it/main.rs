//! The fuzz targets' bodies, without a fuzzer.

#[cfg(test)]
mod bounded;
