//! Invitations to register an account.

/// The most invitations that there are at a time.
pub const MAX_INVITATIONS: usize = 500;
/// The most accounts that one invitation can make.
pub const MAX_USES: u32 = 1000;

/// The right to register some accounts where not everyone may. Of its secret, only a hash is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountInvitation {
    /// Identifies it in public.
    pub id: String,
    /// The hash of the secret in its link.
    pub secret_hash: String,
    /// How many accounts it makes.
    pub uses: u32,
    /// How many of these are left.
    pub uses_left: u32,
    /// When it was made, in milliseconds since 1970 UTC.
    pub created_at: u64,
    /// When it ends.
    pub expires_at: u64,
}
