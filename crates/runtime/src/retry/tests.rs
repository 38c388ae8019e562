mod retry_after;
mod text;
