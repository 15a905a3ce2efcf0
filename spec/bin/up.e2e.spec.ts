/** A daemon and the commands that go to it. */
import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { expect } from 'chai';
import { countsOf } from './oracle.js';
import { gone, json, mix, Place, sessionOf, slotsOf, sparseBytes } from './spawned.js';

describe('binglide up', function () {
  this.timeout(60_000);
  let place: Place;
  before(async () => {
    place = await Place.make();
    await mkdir(place.path('served'));
    await writeFile(place.path('served', 'in.bin'), mix(5000, 3));
    await writeFile(place.path('out.bin'), mix(5000, 4));
    await writeFile(place.path('served', 'sparse'), '');
    await truncate(place.path('served', 'sparse'), sparseBytes);
  });
  after(() => place.remove());

  it('answers for all commands of its user until it is told to end', async () => {
    const daemon = place.start(['up', '-j', '1', 'served']);
    const [endpoint] = await daemon.linesOut(1);
    expect(endpoint).to.equal(`ipc://${place.path('run', 'broker.sock')}`);

    const again = await place.run('up');
    expect(again.stderr).to.match(/^binglide: a broker already answers at ipc:.*\(E_BUSY\)\n$/);
    expect(again.code).to.equal(1);

    const { services } = JSON.parse((await place.run('services', '--json')).lines[0]!);
    const names = services.map(({ descriptor }: { descriptor: { name: string } }) => descriptor.name);
    expect(names.sort()).to.deep.equal(['BYTES', 'CLASS', 'DIFF', 'DIGRAM', 'ENT', 'HIST', 'STATS']);
    expect((await place.run('jobs')).lines).to.have.length(1);
    const [slot] = await slotsOf(daemon.child.pid!);
    expect(getPriority(slot!) - getPriority(daemon.child.pid!), 'slots give way').to.equal(5);
    // Where Linux shares processors among sessions, ours would wait for theirs.
    expect(await sessionOf(slot!)).to.equal(await sessionOf(daemon.child.pid!));

    // A file that it does not serve is answered here, unless this broker was asked for.
    const outside = await place.run('hist', '--json', 'out.bin');
    expect(json(outside)[0].fields.counts).to.deep.equal(countsOf(mix(5000, 4)));
    const refused = await place.run('hist', '--broker', endpoint!, 'out.bin');
    expect(refused.stderr).to.match(/\(E_OUTSIDE_ROOTS\)\n$/);
    expect(refused.code).to.equal(1);

    const job = place.start(['ent', '--ndjson', '--no-cache', 'served/sparse']);
    const [first] = await job.linesOut(1);
    const { jobId } = JSON.parse(first!);
    const listed = (await place.run('jobs')).lines[1]!.split('\t');
    expect(listed.slice(0, 2)).to.deep.equal([jobId, 'ENT']);
    const cancelled = await place.run('cancel', jobId.slice(0, 10));
    expect([cancelled.code, cancelled.lines]).to.deep.equal([0, [jobId]]);
    const told = await job.ended;
    expect(JSON.parse(told.lines.at(-1)!)).to.include({ type: 'error', code: 'E_CANCELLED', jobId });
    expect(told.code).to.equal(1);
    const late = await place.run('cancel', jobId);
    expect([late.code, late.stderr]).to.deep.equal([
      1,
      `binglide: no job ${jobId} is running; \`binglide jobs\` lists them (E_NO_JOB)\n`,
    ]);

    expect(json(await place.run('hist', '--json', 'served/in.bin'))[0].fields.n).to.equal(5000);
    daemon.child.kill('SIGTERM');
    expect((await daemon.ended).code).to.equal(143);
    expect(await gone(daemon.child.pid!)).to.equal(true);
  });
});
