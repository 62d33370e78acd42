import { openGround } from './ground.ts';
import { measureSpeed } from './speed.ts';

const g = await openGround();
try {
  console.log(await measureSpeed(g, { rows: 2000, changes: 500, rounds: 1 }, (w) => console.error(w)));
} finally {
  await g.close();
}
