//! Links the shared library so that it can live in a JVM.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        // Never unmapped: on glibc 2.17 a thread that ends after dlclose crashes
        // (rust-lang/rust #91979). Costs its mapping once per submission, not per restart.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,relro,-z,now");
    }
}
