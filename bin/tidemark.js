#!/usr/bin/env node
// Old versions of Node must be able to parse this file: no static import, no syntax that is newer than import().
const least = [20, 19];
const [major, minor] = process.versions.node.split('.').map(Number);
if (major > least[0] || (major === least[0] && minor >= least[1])) {
  import('../dist/main.js');
} else {
  process.stderr.write(
    `tidemark: Node ${process.versions.node} is too old. Install Node ${least.join('.')} or later.\n`,
  );
  process.exit(1);
}
