alter table entries add column words integer not null default 0;
update entries set words = length(trim(text)) - length(replace(trim(text), ' ', '')) + 1 where text <> '';
