/*
 * A ucode program under node, as rpcd would run it: no real ucode is at hand. Texts are bytes, as ucode's are (a
 * character of a JavaScript string each), nothing of JavaScript's own library is there, and sockets block.
 *
 * What is written here of ucode follows its sources: lib.c, lib/fs.c, lib/socket.c, lib/uci.c, and rpcd's ucode.c.
 */
'use strict';

const fs = require('node:fs');
const vm = require('node:vm');
const { MessageChannel, Worker, receiveMessageOnPort } = require('node:worker_threads');

const bytes = (text) => Buffer.from(text, 'utf8').toString('latin1');
const text = (data) => Buffer.from(data, 'latin1').toString('utf8');

function mapped(value, change) {
	if (typeof value == 'string')
		return change(value);
	if (Array.isArray(value))
		return Array.from(value, (one) => mapped(one, change));  // a list of the plugin has no methods
	if (value && typeof value == 'object')
		return Object.fromEntries(Object.entries(value).map(([ key, one ]) => [ change(key), mapped(one, change) ]));
	return value;
}

/* ---- sockets: a thread of their own does what node does later, and this one waits for it */

const SOCKETS = `
	const net = require('node:net');
	const { workerData: { flag, port } } = require('node:worker_threads');
	const done = new Int32Array(flag), sockets = new Map();
	const answer = (value) => { port.postMessage(value); Atomics.store(done, 0, 1); Atomics.notify(done, 0); };
	const CALLS = {
		connect(id, path) {
			const sock = net.connect(path), one = { sock, data: Buffer.alloc(0), ended: false, wake: null };
			const changed = () => { if (one.wake) one.wake(); };
			let told = false;
			const tell = (value) => { if (!told) { told = true; answer(value); } };
			sockets.set(id, one);
			sock.on('connect', () => tell(true));
			sock.on('error', () => { one.ended = true; tell(null); changed(); });
			sock.on('data', (data) => { one.data = Buffer.concat([ one.data, data ]); changed(); });
			sock.on('end', () => { one.ended = true; changed(); });
		},
		send(id, text) { sockets.get(id).sock.write(Buffer.from(text, 'latin1')); answer(text.length); },
		poll(id, ms) {
			const one = sockets.get(id), ready = () => one.data.length || one.ended;
			if (ready()) return answer(1);
			const timer = setTimeout(() => { one.wake = null; answer(0); }, ms);
			one.wake = () => { if (ready()) { clearTimeout(timer); one.wake = null; answer(1); } };
		},
		recv(id, size) {
			const one = sockets.get(id);
			if (!one.data.length) return answer(one.ended ? '' : null);
			answer(one.data.subarray(0, size).toString('latin1'));
			one.data = one.data.subarray(size);
		},
		close(id) { if (sockets.has(id)) sockets.get(id).sock.destroy(); sockets.delete(id); answer(true); },
	};
	port.on('message', ([ call, ...values ]) => CALLS[call](...values));
`;

class Sockets {
	constructor() {
		const { port1, port2 } = new MessageChannel(), flag = new SharedArrayBuffer(4);
		this.done = new Int32Array(flag);
		this.port = port1;
		this.worker = new Worker(SOCKETS, { eval: true, workerData: { flag, port: port2 }, transferList: [ port2 ] });
		this.count = 0;
		this.open = new Set();
	}

	ask(...call) {
		Atomics.store(this.done, 0, 0);
		this.port.postMessage(call);
		Atomics.wait(this.done, 0, 0);
		return receiveMessageOnPort(this.port).message;
	}

	module() {
		const AF_UNIX = 1, SOCK_STREAM = 1, SOCK_NONBLOCK = 2048, POLLIN = 1;
		return {
			AF_UNIX, SOCK_STREAM, SOCK_NONBLOCK, POLLIN,
			create: (family, kind) => {
				if (family != AF_UNIX || kind != (SOCK_STREAM | SOCK_NONBLOCK))
					throw new Error('this shim has sockets of files alone, that never block');
				const id = this.count++;
				this.open.add(id);
				return {
					id,
					connect: (path) => path.includes('/') ? this.ask('connect', id, path) : null,
					send: (data) => this.ask('send', id, data),
					recv: (size) => this.ask('recv', id, size === undefined ? 4096 : size),
					close: () => { this.open.delete(id); return this.ask('close', id); },
				};
			},
			poll: (ms, [ sock, events ]) => [ [ sock, this.ask('poll', sock.id, ms) ? events : 0 ] ],
		};
	}

	close() {
		this.port.close();
		return this.worker.terminate();
	}
}

/* ---- the functions of ucode's core that the plugin needs, and no others */

const CORE = {
	type: (value) => {
		if (value === null || value === undefined) return null;
		if (Array.isArray(value)) return 'array';
		return { number: Number.isInteger(value) ? 'int' : 'double', boolean: 'bool' }[typeof value] || typeof value;
	},
	length: (value) => {
		if (typeof value == 'string' || Array.isArray(value)) return value.length;
		return value && typeof value == 'object' ? Object.keys(value).length : null;
	},
	index: (where, what) => {
		if (typeof where == 'string') return where.indexOf(what);
		return Array.isArray(where) ? Array.from(where).indexOf(what) : null;
	},
	substr: (value, from, size) => typeof value == 'string' ? value.substr(from, size) : null,
	push: (list, ...values) => { Array.prototype.push.apply(list, values); return values[values.length - 1]; },
	join: (between, list) => Array.isArray(list) ? Array.from(list).join(between) : null,
	int: (value) => typeof value == 'number' ? Math.trunc(value) : parseInt(value, 10),
	clock: (monotonic) => {
		if (!monotonic) throw new Error('the time of day may be set at any moment');
		const now = process.hrtime();
		return [ now[0], now[1] ];
	},
	json: (data) => {
		if (typeof data != 'string') throw new TypeError('Passed value is not a string');
		return mapped(JSON.parse(text(data)), bytes);
	},
	sprintf: (format, ...values) => format.replace(/%J/g, () => bytes(JSON.stringify(mapped(values.shift(), text)))),
};

/* A global object without anything in it; methods of texts and lists are gone as well. */
const BARE = `{
	const kinds = [ Object, Array, String, Number, Boolean, Function, RegExp ], names = Object.getOwnPropertyNames;
	const gone = kinds.map((kind) => [ kind.prototype, names(kind.prototype) ]).concat([ [ globalThis, names(globalThis) ] ]);
	for (let i = 0; i < gone.length; i++)
		for (let k = 0; k < gone[i][1].length; k++)
			if (gone[i][1][k] != 'constructor') delete gone[i][0][gone[i][1][k]];
}`;

const SESSION = 'ubus_rpc_session';

class Plugin {
	/* `world`: `uci`, config → section → option, and `files` that are there. */
	constructor(path, world) {
		this.sockets = new Sockets();
		const modules = {
			fs: { stat: (name) => (world.files || []).includes(name) ? { type: 'directory' } : null },
			uci: { cursor: () => ({ get: (config, section, option) => {
				const found = ((world.uci[config] || {})[section] || {})[option];
				return found === undefined ? null : mapped(found, bytes);
			} }) },
			socket: this.sockets.module(),
		};
		const source = fs.readFileSync(path, 'latin1').replace(
			/^import (\{[^}]+\}) from '(\w+)';$/gm, (_, names, module) => `const ${names} = imported('${module}');`);
		const context = vm.createContext({});
		vm.runInContext(BARE, context);
		const made = vm.compileFunction(source, [ 'imported', ...Object.keys(CORE) ], { parsingContext: context, filename: path });
		this.objects = made((name) => modules[name], ...Object.values(CORE));
	}

	/* As rpcd does: what is not declared, or of another type, is refused before the plugin hears of it. uhttpd adds a
	 * session to each call, which is let through. */
	call(object, method, values) {
		const found = (this.objects[object] || {})[method];
		if (!found) return { status: 3 };
		const known = found.args || {};
		for (const [ key, value ] of Object.entries(values))
			if (key == SESSION && typeof value == 'string') continue;
			else if (!(key in known) || CORE.type(value) !== CORE.type(known[key])) return { status: 2 };
		const reply = found.call({ args: mapped(values, bytes), info: {} });
		if (CORE.type(reply) != 'object') return { status: 5 };
		if (this.sockets.open.size) throw new Error('a socket was left open');
		return { status: 0, reply: JSON.parse(JSON.stringify(mapped(plain(reply), text))) };
	}

	close() {
		return this.sockets.close();
	}
}

/* Of another realm's objects, of this one's: nothing that is not told is null to ucode. */
function plain(value) {
	if (value === undefined) return null;
	if (Array.isArray(value)) return Array.from(value, plain);
	if (value && typeof value == 'object') return Object.fromEntries(Object.entries(value).map(([ k, v ]) => [ k, plain(v) ]));
	return value;
}

module.exports = { Plugin };
