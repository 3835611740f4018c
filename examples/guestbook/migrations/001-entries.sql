create table entries (
  id integer primary key autoincrement,
  author text not null,
  text text not null,
  at text not null
);
create table digest (
  day text primary key,
  entries integer not null,
  updated text not null,
  pid integer not null
);
