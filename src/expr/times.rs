//! Times and durations. Source: the CEL language definition, "Date/time functions".

use chrono::{DateTime, Datelike as _, FixedOffset, SecondsFormat, TimeDelta, Timelike as _, Utc};
use chrono_tz::Tz;

use super::functions::{Failure, spend};
use super::value::{self, Value, length_cost};

type Outcome<'a> = Result<Value<'a>, Failure>;

const RANGE: Failure = Failure::Reason("the time is out of range");

pub(super) fn timestamp<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    let time = match arguments {
        [Value::Timestamp(time)] => Some(*time),
        [Value::Int(seconds)] => DateTime::from_timestamp(*seconds, 0),
        [Value::String(text)] => {
            spend(budget, length_cost(text.as_str().len()))?;
            let time = DateTime::parse_from_rfc3339(text.as_str());
            Some(time.map_err(|_| Failure::Reason("the text is no RFC 3339 time"))?.to_utc())
        }
        _ => return Err(Failure::NoOverload),
    };
    time.and_then(value::timestamp).map(Value::Timestamp).ok_or(RANGE)
}

pub(super) fn duration<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    let duration = match arguments {
        [Value::Duration(duration)] => *duration,
        [Value::String(text)] => {
            spend(budget, text.as_str().len() as u64 / 4)?;
            parse_duration(text.as_str()).ok_or(Failure::Reason("the text is no duration"))?
        }
        _ => return Err(Failure::NoOverload),
    };
    value::duration(duration).map(Value::Duration).ok_or(RANGE)
}

/// `1h30m`, `1.5s`, `-250ms`: numbers with units, of which the sum is meant.
fn parse_duration(text: &str) -> Option<TimeDelta> {
    const UNITS: [(&str, f64, i64); 7] = [
        ("ns", 1.0, 1),
        ("us", 1e3, 1_000),
        ("µs", 1e3, 1_000),
        ("ms", 1e6, 1_000_000),
        ("s", 1e9, 1_000_000_000),
        ("m", 6e10, 60_000_000_000),
        ("h", 3.6e12, 3_600_000_000_000),
    ];
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(TimeDelta::zero());
    }
    let mut total: i128 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let length = rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
        let (number, after) = rest.split_at(length);
        let unit_length = after.bytes().take_while(|byte| !byte.is_ascii_digit() && *byte != b'.').count();
        let (unit, next) = after.split_at(unit_length);
        let (_, _, nanoseconds) = UNITS.into_iter().find(|(name, _, _)| *name == unit)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
            return None;
        }
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        total = total.checked_add(whole.checked_mul(i128::from(nanoseconds))?)?;
        // Digits behind the nanosecond are cut off.
        let mut scale = i128::from(nanoseconds);
        for digit in fraction.bytes() {
            scale /= 10;
            total = total.checked_add(i128::from(digit - b'0') * scale)?;
        }
        rest = next;
    }
    if negative {
        total = -total;
    }
    let seconds = i64::try_from(total.div_euclid(1_000_000_000)).ok()?;
    let nanoseconds = u32::try_from(total.rem_euclid(1_000_000_000)).ok()?;
    TimeDelta::new(seconds, nanoseconds)
}

/// RFC 3339 with as many digits behind the second as there are.
pub(super) fn timestamp_text(time: &DateTime<Utc>) -> String {
    let text = time.to_rfc3339_opts(SecondsFormat::Nanos, true);
    match text.strip_suffix('Z').and_then(|text| text.split_once('.')) {
        Some((seconds, fraction)) => match fraction.trim_end_matches('0') {
            "" => format!("{seconds}Z"),
            fraction => format!("{seconds}.{fraction}Z"),
        },
        None => text,
    }
}

/// `3s`, `1.5s`, `-0.25s`.
pub(super) fn duration_text(duration: TimeDelta) -> String {
    let nanoseconds = duration.subsec_nanos().unsigned_abs();
    let sign = if duration < TimeDelta::zero() { "-" } else { "" };
    let whole = duration.num_seconds().unsigned_abs();
    if nanoseconds == 0 {
        return format!("{sign}{whole}s");
    }
    let fraction = format!("{nanoseconds:09}");
    format!("{sign}{whole}.{}s", fraction.trim_end_matches('0'))
}

// --- parts of a time ---

#[expect(clippy::unnecessary_wraps, reason = "what every function of a time ends with")]
fn int<'a>(number: impl Into<i64>) -> Outcome<'a> {
    Ok(Value::Int(number.into()))
}

/// The time of a call, in its time zone: a name of the IANA database, or an offset such as `-08:00`.
fn local(arguments: &[Value<'_>], budget: &mut u64) -> Result<DateTime<FixedOffset>, Failure> {
    match arguments {
        [Value::Timestamp(time)] => Ok(time.fixed_offset()),
        [Value::Timestamp(time), Value::String(zone)] => {
            let zone = zone.as_str();
            spend(budget, length_cost(zone.len()))?;
            if let Ok(zone) = zone.parse::<Tz>() {
                return Ok(time.with_timezone(&zone).fixed_offset());
            }
            let offset = offset(zone).ok_or(Failure::Reason("there is no such time zone"))?;
            Ok(time.with_timezone(&offset))
        }
        _ => Err(Failure::NoOverload),
    }
}

fn offset(zone: &str) -> Option<FixedOffset> {
    let (negative, digits) = match zone.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, zone.strip_prefix('+').unwrap_or(zone)),
    };
    let (hours, minutes) = digits.split_once(':')?;
    let number = |text: &str| {
        text.parse::<i32>().ok().filter(|_| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let seconds = number(hours)? * 3600 + number(minutes)? * 60;
    FixedOffset::east_opt(if negative { -seconds } else { seconds })
}

pub(super) fn full_year<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    int(local(arguments, budget)?.year())
}

pub(super) fn month<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    int(local(arguments, budget)?.month0())
}

pub(super) fn date<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    int(local(arguments, budget)?.day())
}

pub(super) fn day_of_month<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    int(local(arguments, budget)?.day0())
}

pub(super) fn day_of_week<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    int(local(arguments, budget)?.weekday().num_days_from_sunday())
}

pub(super) fn day_of_year<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    int(local(arguments, budget)?.ordinal0())
}

pub(super) fn hours<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    match arguments {
        [Value::Duration(duration)] => int(duration.num_hours()),
        time => int(local(time, budget)?.hour()),
    }
}

pub(super) fn minutes<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    match arguments {
        [Value::Duration(duration)] => int(duration.num_minutes()),
        time => int(local(time, budget)?.minute()),
    }
}

pub(super) fn seconds<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    match arguments {
        [Value::Duration(duration)] => int(duration.num_seconds()),
        time => int(local(time, budget)?.second()),
    }
}

/// Of a duration, those behind the last whole second; so has the specification's own implementation.
pub(super) fn milliseconds<'a>(arguments: &[Value<'a>], budget: &mut u64) -> Outcome<'a> {
    match arguments {
        [Value::Duration(duration)] => int(duration.subsec_nanos() / 1_000_000),
        time => int(local(time, budget)?.nanosecond() / 1_000_000),
    }
}
