// Hashtags of the texts in a JSON file, by Twitter's own library: what it found, and how long the loop took.
const fs = require("fs");
const { extractHashtags } = require("twitter-text");

const texts = JSON.parse(fs.readFileSync(process.argv[2], "utf-8"));
const cpu = process.cpuUsage();
const began = process.hrtime.bigint();
for (const text of texts) extractHashtags(text);
const seconds = Number(process.hrtime.bigint() - began) / 1e9;
const used = process.cpuUsage(cpu);
const found = texts.map((text) => extractHashtags(text));
process.stdout.write(JSON.stringify({ seconds, cpu_s: (used.user + used.system) / 1e6, found }));
