//! Codecs of numbers: pure functions over slices. Decoders take untrusted bytes.
