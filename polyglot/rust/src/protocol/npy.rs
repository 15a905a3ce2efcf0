//! Arrays as NumPy `.npy` frames, version 1.0, little-endian, C order. In memory every number is an f64
//! that holds an exact whole number up to 2^53−1 or a float; the dtype names how it rests and travels.
use super::codec::SAFE_MAX;
use super::errors::{fail, ErrorCode, Fault};

/// Named as NumPy's array protocol names them, little-endian understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Dtype {
    U1,
    U2,
    U4,
    U8,
    I4,
    I8,
    F4,
    F8,
}

impl Dtype {
    /// All that travel.
    pub const ALL: [Dtype; 8] =
        [Dtype::U1, Dtype::U2, Dtype::U4, Dtype::U8, Dtype::I4, Dtype::I8, Dtype::F4, Dtype::F8];

    /// `u4`.
    pub fn text(self) -> &'static str {
        ["u1", "u2", "u4", "u8", "i4", "i8", "f4", "f8"][self as usize]
    }

    /// The dtype of that name.
    pub fn of(text: &str) -> Option<Dtype> {
        Dtype::ALL.into_iter().find(|dtype| dtype.text() == text)
    }

    /// Of one number.
    pub fn bytes(self) -> usize {
        [1, 2, 4, 8, 4, 8, 4, 8][self as usize]
    }

    /// f4 or f8.
    pub fn is_float(self) -> bool {
        matches!(self, Dtype::F4 | Dtype::F8)
    }

    /// u1 to u8.
    pub fn is_unsigned(self) -> bool {
        matches!(self, Dtype::U1 | Dtype::U2 | Dtype::U4 | Dtype::U8)
    }

    /// The least and the greatest whole number (8-byte ones: the safe ones); none for floats.
    pub fn range(self) -> Option<(f64, f64)> {
        let safe = SAFE_MAX as f64;
        match self {
            Dtype::U1 => Some((0.0, 255.0)),
            Dtype::U2 => Some((0.0, 65_535.0)),
            Dtype::U4 => Some((0.0, f64::from(u32::MAX))),
            Dtype::U8 => Some((0.0, safe)),
            Dtype::I4 => Some((f64::from(i32::MIN), f64::from(i32::MAX))),
            Dtype::I8 => Some((-safe, safe)),
            Dtype::F4 | Dtype::F8 => None,
        }
    }

    /// The smallest unsigned one that holds `max`.
    pub fn unsigned_for(max: f64) -> Dtype {
        let holds = |dtype: &Dtype| dtype.range().is_some_and(|(_, most)| max <= most);
        [Dtype::U1, Dtype::U2, Dtype::U4].into_iter().find(holds).unwrap_or(Dtype::U8)
    }
}

/// An array in memory; `data` is row by row and as long as the product of `shape`.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct NamedArray {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub data: Vec<f64>,
}

const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";
/// Of one array as f64 in memory.
const ARRAY_BYTES_MAX: usize = 1 << 30;
const DIMENSIONS_MAX: usize = 32;

/// The index of the first number that the dtype cannot carry unchanged. Floats round and carry all.
pub fn first_misfit(dtype: Dtype, data: &[f64]) -> Option<usize> {
    let (least, most) = dtype.range()?;
    let fits = |n: f64| n >= least && n <= most && n.trunc() == n;
    // Without a branch for each number this is a loop that the compiler makes wide.
    if data.iter().fold(true, |all, &n| all & fits(n)) {
        return None;
    }
    data.iter().position(|&n| !fits(n))
}

/// One frame: the header, padded so that the numbers begin at a multiple of 64, and the numbers, which fit their dtype.
pub fn encode_npy(dtype: Dtype, shape: &[usize], data: &[f64]) -> Vec<u8> {
    let dims = match shape {
        [one] => format!("{one},"),
        all => all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    };
    let order = if dtype == Dtype::U1 { '|' } else { '<' };
    let dict = format!("{{'descr': '{order}{}', 'fortran_order': False, 'shape': ({dims}), }}", dtype.text());
    let head = (dict.len() + 11).div_ceil(64) * 64;
    let mut frame = Vec::with_capacity(head + data.len() * dtype.bytes());
    frame.extend_from_slice(MAGIC);
    frame.extend_from_slice(&((head - 10) as u16).to_le_bytes());
    frame.extend_from_slice(dict.as_bytes());
    frame.resize(head - 1, b' ');
    frame.push(b'\n');
    write_numbers(&mut frame, dtype, data);
    frame
}

fn write_numbers(frame: &mut Vec<u8>, dtype: Dtype, data: &[f64]) {
    macro_rules! write_as {
        ($type:ty) => {
            data.iter().for_each(|&n| frame.extend_from_slice(&(n as $type).to_le_bytes()))
        };
    }
    match dtype {
        Dtype::U1 => frame.extend(data.iter().map(|&n| n as u8)),
        Dtype::U2 => write_as!(u16),
        Dtype::U4 => write_as!(u32),
        Dtype::U8 => write_as!(u64),
        Dtype::I4 => write_as!(i32),
        Dtype::I8 => write_as!(i64),
        Dtype::F4 => write_as!(f32),
        Dtype::F8 => write_as!(f64),
    }
}

/// E_PROTOCOL where the frame is no such array; sizes are checked before memory is set aside.
pub fn decode_npy(frame: &[u8]) -> Result<NamedArray, Fault> {
    let bad = |what: String| fail(ErrorCode::Protocol, what);
    if frame.len() < 10 || !frame.starts_with(MAGIC) {
        return Err(bad("array frame is not .npy version 1.0".into()));
    }
    let body_at = 10 + usize::from(u16::from_le_bytes([frame[8], frame[9]]));
    let header = frame.get(10..body_at).ok_or_else(|| bad("array frame ends inside its header".into()))?;
    let header: String = header.iter().map(|&byte| byte as char).collect();
    let (dtype, shape) =
        parse_header(&header).ok_or_else(|| bad(format!("array header is not understood: {:.80}", header.trim())))?;
    let count = shape.iter().try_fold(1usize, |product, &dim| product.checked_mul(dim));
    let body = &frame[body_at..];
    let fits = |count: &usize| {
        count.checked_mul(8).is_some_and(|bytes| bytes <= ARRAY_BYTES_MAX) && count * dtype.bytes() == body.len()
    };
    if !count.as_ref().is_some_and(fits) {
        let what =
            format!("array of shape {:.80} and dtype {} does not fit its frame", format!("{shape:?}"), dtype.text());
        return Err(bad(what));
    }
    let data = read_numbers(body, dtype);
    if matches!(dtype, Dtype::U8 | Dtype::I8) && first_misfit(dtype, &data).is_some() {
        return Err(fail(ErrorCode::Range, "a number in an array is past 2^53−1"));
    }
    Ok(NamedArray { dtype, shape, data })
}

fn read_numbers(body: &[u8], dtype: Dtype) -> Vec<f64> {
    macro_rules! read_as {
        ($type:ty) => {
            body.chunks_exact(size_of::<$type>())
                .map(|bytes| <$type>::from_le_bytes(bytes.try_into().expect("chunks are as long")) as f64)
                .collect()
        };
    }
    use std::mem::size_of;
    match dtype {
        Dtype::U1 => body.iter().map(|&byte| f64::from(byte)).collect(),
        Dtype::U2 => read_as!(u16),
        Dtype::U4 => read_as!(u32),
        Dtype::U8 => read_as!(u64),
        Dtype::I4 => read_as!(i32),
        Dtype::I8 => read_as!(i64),
        Dtype::F4 => read_as!(f32),
        Dtype::F8 => read_as!(f64),
    }
}

/// The header's three keys in any order, and whatever padding.
fn parse_header(text: &str) -> Option<(Dtype, Vec<usize>)> {
    let descr = value_of(text, "'descr'")?.strip_prefix('\'')?;
    let descr = &descr[..descr.find('\'')?];
    let dtype = match descr.split_at_checked(1)? {
        ("|", "u1") => Dtype::U1,
        ("<", name) => Dtype::of(name)?,
        _ => return None,
    };
    if !value_of(text, "'fortran_order'")?.starts_with("False") {
        return None;
    }
    let dims = value_of(text, "'shape'")?.strip_prefix('(')?;
    let dims = dims[..dims.find(')')?].split(',').map(str::trim).filter(|dim| !dim.is_empty());
    let shape: Vec<usize> = dims.map(dimension).collect::<Option<_>>()?;
    (shape.len() <= DIMENSIONS_MAX).then_some((dtype, shape))
}

fn dimension(text: &str) -> Option<usize> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|&dim: &usize| digits && dim as u64 <= SAFE_MAX as u64)
}

fn value_of<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let rest = &text[text.find(key)? + key.len()..];
    Some(rest.trim_start().strip_prefix(':')?.trim_start())
}
