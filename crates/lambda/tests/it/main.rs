//! The function over the port of `ebskeep-sim`, in virtual time.

#[cfg(test)]
mod endings;
#[cfg(test)]
mod jobs;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod scene;
