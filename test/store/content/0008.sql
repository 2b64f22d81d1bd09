INSERT INTO holds (scope, actor, why) VALUES ('space/default', 'ada', 'exam until noon');
UPDATE jobs SET hold = '{"actor": "ada", "why": "not yet"}' WHERE id = 'waits-1';
