// The door through which serverless.yml reads what TypeScript works out: osls asks JavaScript files only.
module.exports = require("./stack.ts");
