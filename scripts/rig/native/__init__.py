"""The Rust core as shared libraries: built, and read. Runs on a bare Python 3.9."""
