//! The close record: one per session, when it closes.

use session::ClosedSession;

use crate::json;
use crate::log_after::SessionId;

/// Appends the close record of a session.
pub(crate) fn put(out: &mut Vec<u8>, id: SessionId<'_>, closed: &ClosedSession<'_>) {
    let session = &closed.session;
    out.extend_from_slice(br#"{"session_id":"#);
    id.put_string(out);
    out.extend_from_slice(br#","uid":"#);
    json::put_string(out, id.key);
    json::put_number(out, r#","session_start_ts":"#, session.start.0);
    json::put_number(out, r#","session_last_ts":"#, session.last.0);
    json::put_number(out, r#","session_expire_at":"#, session.expires_at.0);
    json::put_number(out, r#","duration_ms":"#, session.last.since(session.start));
    json::put_number(out, r#","event_count":"#, session.event_count);
    out.extend_from_slice(br#","log_names":{"#);
    for (index, (log_name, count)) in session.log_name_counts.0.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        json::put_string(out, log_name.as_bytes());
        json::put_number(out, ":", *count);
    }
    out.extend_from_slice(br#"},"checked_in":"#);
    out.extend_from_slice(if session.checked_in { b"true" } else { b"false" });
    out.extend_from_slice(br#","last_log_name":"#);
    json::put_string(out, session.last_log_name.as_bytes());
    out.extend_from_slice(br#","closed_by":""#);
    out.extend_from_slice(closed.closed_by.as_str().as_bytes());
    out.extend_from_slice(br#""}"#);
}
