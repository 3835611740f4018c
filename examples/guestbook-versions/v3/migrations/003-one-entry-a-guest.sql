-- Works on the developer's empty database, and fails where a guest has signed twice.
create unique index entries_author on entries (author);
