use crate::service::Message;

/// What an argument says a call takes of a pool: a number as it is, a text or bytes by their length, a message by its
/// body's.
#[diagnostic::on_unimplemented(
    message = "nobody knows how much of the pool this argument stands for",
    label = "`cost = \"arg:..\"` names a number without a sign, a text, bytes or a message; for anything else, name a \
             function that says it: `cost = \"path\"`"
)]
pub trait Weighs {
    /// How much.
    fn weighs(&self) -> u64;
}

/// What an argument weighs.
pub fn weight_of<T: Weighs + ?Sized>(argument: &T) -> u64 {
    argument.weighs()
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

macro_rules! numbers {
    ($($number:ty)*) => {
        $(impl Weighs for $number {
            fn weighs(&self) -> u64 {
                u64::try_from(*self).unwrap_or(u64::MAX)
            }
        })*
    };
}

numbers!(u8 u16 u32 u64 u128 usize);

impl Weighs for str {
    fn weighs(&self) -> u64 {
        length(self.len())
    }
}

impl Weighs for String {
    fn weighs(&self) -> u64 {
        length(self.len())
    }
}

impl Weighs for [u8] {
    fn weighs(&self) -> u64 {
        length(self.len())
    }
}

impl Weighs for Vec<u8> {
    fn weighs(&self) -> u64 {
        length(self.len())
    }
}

impl Weighs for Message {
    fn weighs(&self) -> u64 {
        length(self.body().len())
    }
}

impl<T: Weighs + ?Sized> Weighs for &T {
    fn weighs(&self) -> u64 {
        (**self).weighs()
    }
}
