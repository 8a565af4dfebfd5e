/*
 * A line of JSON in, a line of JSON out, each for itself: `run` says what. One process for all tests of a file: to
 * start node takes longer than what it has to do.
 *
 * `plugin`: the answers of `plugin` in `world` to `calls`, [method, values] each.
 * `view`: what `view` renders and calls. `do` are steps: a button's label is clicked ([label, which of several]),
 * `poll` is as when its time has come. `plugin` in the place of `answers`: what answers is the plugin.
 */
'use strict';

const { createInterface } = require('node:readline');
const { Element, World } = require('./luci.js');
const { Plugin } = require('./ucode.js');

async function plugin(asked) {
	const made = new Plugin(asked.plugin, asked.world);
	try {
		return {
			answers: asked.calls.map(([ method, values ]) => made.call('luci.qalqan', method, values)),
			methods: Object.fromEntries(Object.entries(made.objects).map(([ name, one ]) => [ name, Object.keys(one) ])),
		};
	}
	finally {
		await made.close();
	}
}

function look(world, page) {
	return {
		html: page.outerHTML,
		text: page.textContent,
		buttons: page.all((one) => one.tag == 'button').map((one) => [ one.textContent, one.disabled ]),
		notices: world.notices.map((one) => ({ kind: one.attributes['class'], text: one.textContent, html: one.outerHTML })),
	};
}

async function click(world, page, label, which) {
	const found = [ page, ...world.notices ].flatMap((root) =>
		root.all((one) => one.tag == 'button' && one.textContent == label));
	if (!found[which]) throw new Error(`no button ${label}`);
	if (found[which].disabled) return;
	for (const call of found[which].listeners.click) await call({ target: found[which] });
}

function options(world, tried) {
	return world.maps.flatMap((map) => map.sections.flatMap((section) => section.options.map((one) => ({
		config: map.config, section: section.name, type: section.type, option: one.option, kind: one.kind,
		choices: one.choices.map(([ key ]) => key), datatype: one.datatype ?? null,
		tried: tried.map((value) => one.validate ? one.validate(section.name, value) : true),
	}))));
}

async function view(asked) {
	const world = new World(asked), made = asked.plugin ? new Plugin(asked.plugin, asked.world) : null;
	try {
		if (made) world.answers = (method, values) =>
			made.call('luci.qalqan', method, { ...values, ubus_rpc_session: '0'.repeat(32) });
		const shown = world.compiled(asked.view);
		const page = await shown.render(await shown.load());
		const looks = [ look(world, page) ];
		for (const step of asked.do || []) {
			if (step == 'poll') for (const one of world.polls) await one.call();
			else if (step.type) page.all((one) => one.attributes.name == step.type).at(-1).value = step.text;
			else await click(world, page, ...[].concat(step, 0));
			looks.push(look(world, page));
		}
		return {
			looks, calls: world.calls, polls: world.polls.map((one) => one.seconds), uci: world.uci, loaded: world.loaded,
			footer: [ 'handleSave', 'handleSaveApply', 'handleReset' ].map((name) => shown[name] !== null),
			options: options(world, asked.tried || []), words: [ ...new Set(world.words_used) ], markup: Element.markup,
		};
	}
	finally {
		if (made) await made.close();
	}
}

const RUNS = { plugin, view };

async function main() {
	for await (const line of createInterface({ input: process.stdin })) {
		const asked = JSON.parse(line);
		const answer = await RUNS[asked.run](asked).catch((error) => ({ failed: error.stack }));
		process.stdout.write(JSON.stringify(answer) + '\n');
	}
}

main();
