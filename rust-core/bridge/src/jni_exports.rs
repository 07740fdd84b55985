//! The exports that `com.main.core.SessionCore` declares.
//!
//! `call` is hot and needs nothing of the JVM: numbers in, a number out, so it is a bare export
//! without jni-rs's layer (30 ns a call). The others are cold and go through it. Nothing of Java is
//! kept: a reference to one of our own classes would pin its class loader for ever.

use jni::errors::ThrowRuntimeExAndDefault;
use jni::objects::{JByteArray, JByteBuffer, JClass, JString};
use jni::sys::{jint, jlong};
use jni::{jni_str, Env, EnvUnowned};

use crate::handle::{self, status, Handle, Lengths};
use crate::{ABI_VERSION, BUILD_ID};

type JniResult<T> = Result<T, jni::errors::Error>;

/// `static native int abiVersion()`
#[no_mangle]
pub extern "system" fn Java_com_main_core_SessionCore_abiVersion(
    _env: EnvUnowned<'_>,
    _class: JClass<'_>,
) -> jint {
    ABI_VERSION
}

/// `static native String buildId()`
#[no_mangle]
pub extern "system" fn Java_com_main_core_SessionCore_buildId<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
) -> JString<'local> {
    env.with_env(|env| -> JniResult<_> { JString::from_str(env, BUILD_ID) })
        .resolve::<ThrowRuntimeExAndDefault>()
}

/// `private static native long open(byte[] options)`
#[no_mangle]
pub extern "system" fn Java_com_main_core_SessionCore_open<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    options: JByteArray<'local>,
) -> jlong {
    env.with_env(|env| open(env, &options)).resolve::<ThrowRuntimeExAndDefault>()
}

fn open(env: &mut Env<'_>, options: &JByteArray<'_>) -> JniResult<jlong> {
    let options = env.convert_byte_array(options)?;
    match Handle::open(&options) {
        Ok(handle) => Ok(handle.into_number()),
        Err(mistakes) => refuse(env, mistakes).map(|()| 0),
    }
}

/// `private static native byte[] rules(byte[] options)`
#[no_mangle]
pub extern "system" fn Java_com_main_core_SessionCore_rules<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    options: JByteArray<'local>,
) -> JByteArray<'local> {
    env.with_env(|env| rules(env, &options)).resolve::<ThrowRuntimeExAndDefault>()
}

fn rules<'local>(env: &mut Env<'local>, options: &JByteArray<'_>) -> JniResult<JByteArray<'local>> {
    let options = env.convert_byte_array(options)?;
    match handle::parse_options(&options) {
        Ok(options) => env.byte_array_from_slice(options.rules_file.to_json().as_bytes()),
        Err(mistakes) => refuse(env, mistakes).map(|()| JByteArray::default()),
    }
}

fn refuse(env: &mut Env<'_>, mistakes: String) -> JniResult<()> {
    let mistakes = jni::strings::JNIString::new(mistakes);
    env.throw_new(jni_str!("java/lang/IllegalArgumentException"), mistakes)
}

/// `private static native void attach(long handle, ByteBuffer request, ByteBuffer reply)`
#[no_mangle]
pub extern "system" fn Java_com_main_core_SessionCore_attach<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    handle: jlong,
    request: JByteBuffer<'local>,
    reply: JByteBuffer<'local>,
) {
    env.with_env(|env| attach(env, handle, &request, &reply)).resolve::<ThrowRuntimeExAndDefault>()
}

fn attach(
    env: &mut Env<'_>,
    number: jlong,
    request: &JByteBuffer<'_>,
    reply: &JByteBuffer<'_>,
) -> JniResult<()> {
    let request =
        (env.get_direct_buffer_address(request)?, env.get_direct_buffer_capacity(request)?);
    let reply = (env.get_direct_buffer_address(reply)?, env.get_direct_buffer_capacity(reply)?);
    // SAFETY: SessionCore.java passes the number it was given, on one thread, and not after close.
    if let Some(handle) = unsafe { Handle::of_number(number) } {
        // SAFETY: SessionCore.java keeps both direct buffers reachable as long as the handle is
        // open, and writes to them only between calls.
        unsafe { handle.attach((request.0.cast_const(), request.1), reply) };
    }
    Ok(())
}

/// `private static native int call(long, int, long, long, int, int, int, int)`, the one hot call.
#[no_mangle]
pub extern "system" fn Java_com_main_core_SessionCore_call(
    _env: EnvUnowned<'_>,
    _class: JClass<'_>,
    handle: jlong,
    call: jint,
    a: jlong,
    b: jlong,
    first: jint,
    second: jint,
    third: jint,
    fourth: jint,
) -> jint {
    // SAFETY: as in `attach`.
    match unsafe { Handle::of_number(handle) } {
        Some(handle) => handle.call(call, a, b, Lengths { first, second, third, fourth }),
        None => status::NO_HANDLE,
    }
}

/// `private static native byte[] takeLog(long handle)`
#[no_mangle]
pub extern "system" fn Java_com_main_core_SessionCore_takeLog<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    handle: jlong,
) -> JByteArray<'local> {
    env.with_env(|env| -> JniResult<_> {
        // SAFETY: as in `attach`.
        let log = unsafe { Handle::of_number(handle) }.map(|handle| handle.take_log());
        env.byte_array_from_slice(log.unwrap_or_default().as_bytes())
    })
    .resolve::<ThrowRuntimeExAndDefault>()
}

/// `private static native void close(long handle)`
#[no_mangle]
pub extern "system" fn Java_com_main_core_SessionCore_close(
    _env: EnvUnowned<'_>,
    _class: JClass<'_>,
    handle: jlong,
) {
    // SAFETY: SessionCore.java forgets the number before it calls.
    unsafe { Handle::close(handle) };
}
