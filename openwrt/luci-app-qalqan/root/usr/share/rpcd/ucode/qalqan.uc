// SPDX-License-Identifier: Apache-2.0
//
// Methods for LuCI's pages, over the daemon's control socket (gateway/control/README.md).
//
// rpcd has one thread for all pages of LuCI, so no call waits longer than PATIENCE.
// On failure, each method returns `error` (a word that the pages know) and `text` (the message of the
// daemon). The daemon decides by log level what is shown of a child. This file passes on at most what a
// guardian may see.

'use strict';

import { stat } from 'fs';
import { cursor } from 'uci';
import { create, poll, AF_UNIX, SOCK_STREAM, SOCK_NONBLOCK, POLLIN } from 'socket';

const RUNTIME = '/var/run/qalqan';
const PAGES = '/usr/lib/qalqan/webui';
const PORT = '8080';
const OFF = [ '0', 'off', 'false', 'no', 'disabled' ];  // as the daemon reads a switch of UCI

const PATIENCE = 2000;     // milliseconds until a whole answer is here
const LONGEST = 1048576;   // bytes of an answer, as the daemon bounds it
const CHUNK = 65536;
const MOST = 64;           // children, sentences and findings that are passed on

const ACTOR = 'router';    // who the family reads that it was; no guardian can be called so
const BONUS = 15;          // minutes
const APPLIANCE = 'thing'; // the kind of a printer, lamp or camera
const UNOWNED = [ 'home', 'guest', 'quarantine' ];  // what a device without an owner has as its profile

function failure(word, text) {
	return { error: word, text: text };
}

function milliseconds() {
	let at = clock(true);

	return at[0] * 1000 + int(at[1] / 1000000);
}

function option(section, name, otherwise) {
	return cursor().get('qalqan', section, name) || otherwise;
}

// Reads one line of bytes; null after a time-out or at the end.
function line_of(sock) {
	let deadline = milliseconds() + PATIENCE;
	let parts = [];
	let size = 0;

	while (size <= LONGEST) {
		let left = deadline - milliseconds();

		if (left <= 0)
			return null;

		let ready = poll(left, [ sock, POLLIN ]);

		if (!ready || !length(ready) || !ready[0][1])
			continue;

		let data = sock.recv(CHUNK);

		if (data == null)
			continue;

		let end = index(data, '\n');

		if (end >= 0) {
			push(parts, substr(data, 0, end));

			return join('', parts);
		}

		if (!length(data))
			return length(parts) ? join('', parts) : null;

		push(parts, data);
		size += length(data);
	}

	return '';
}

function ask(request) {
	let sock = create(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK);

	if (!sock)
		return failure('not_running', '');

	if (!sock.connect(option('paths', 'runtime', RUNTIME) + '/control.sock')) {
		sock.close();

		return failure('not_running', '');
	}

	// If the daemon refused the connection, sending fails, but its answer has the reason.
	sock.send(sprintf('%J\n', request));

	let line = line_of(sock);

	sock.close();

	if (line == null)
		return failure('silent', '');

	let answer = null;

	try {
		answer = json(line);
	}
	catch (e) {
		answer = null;
	}

	if (type(answer) != 'object')
		return failure('garbage', '');

	if (answer.ok !== true)
		return failure('refused', type(answer.error) == 'string' ? answer.error : '');

	return answer;
}

// Returns the first MOST items of a list, each converted by `convert`.
function some(list, convert) {
	let found = [];

	if (type(list) != 'array')
		return found;

	for (let i = 0; i < length(list) && i < MOST; i++)
		push(found, convert(list[i]));

	return found;
}

function itself(value) {
	return value;
}

function child(one) {
	return {
		id: one.id,
		name: one.name,
		state: one.state,
		until: one.until,
		left: one.left ? { minutes: one.left.minutes, at: one.left.at, period: one.left.period } : null
	};
}

function finding(one) {
	return { level: one.level, text: one.text || one.about, fix: one.fix };
}

function remarkable(list) {
	let found = [];

	if (type(list) != 'array')
		return found;

	for (let i = 0; i < length(list); i++)
		if (list[i].level != 'ok')
			push(found, list[i]);

	return found;
}

function device(one) {
	return { mac: one.mac, name: one.name };
}

// The devices without an owner, which a new child may get.
function unowned(list) {
	let found = [];

	if (type(list) != 'array')
		return found;

	for (let i = 0; i < length(list); i++)
		if (index(UNOWNED, list[i].profile) >= 0 && !length(list[i].shared))
			push(found, list[i]);

	return found;
}

// The devices that are not filtered until a guardian says who uses them. Appliances do not wait.
function unfiltered(list) {
	let found = [];

	if (type(list) != 'array')
		return found;

	for (let i = 0; i < length(list); i++)
		if (list[i].undecided === true && list[i].profile == 'home' && list[i].kind != APPLIANCE)
			push(found, list[i]);

	return found;
}

// The address of the full pages, from UCI.
function pages() {
	return {
		here: stat(PAGES) != null && index(OFF, option('web', 'enabled', '1')) < 0,
		port: option('web', 'port', PORT),
		listen: option('web', 'listen', '')
	};
}

function overview() {
	let answer = ask({ 'do': 'status' });

	if (answer.error)
		return { error: answer.error, text: answer.text, pages: pages() };

	return {
		version: answer.version,
		now: answer.now,
		mode: answer.mode,
		off_until: answer.off_until,
		stopped_by_provider: answer.stopped_by_provider === true,
		internet: answer.internet,
		clock: !answer.clock || answer.clock.known !== false,
		requests: answer.requests,
		problems: some(answer.problems, itself),
		children: some(answer.profiles, child),
		pages: pages()
	};
}

function checked(again) {
	let answer = ask(again ? { 'do': 'health', again: true } : { 'do': 'health' });

	if (answer.error)
		return answer;

	let check = answer.check || {};

	return {
		now: answer.now,
		running: check.running === true,
		ended: check.ended,
		problem: check.problem,
		findings: some(remarkable(check.findings), finding)
	};
}

function pause(who, minutes) {
	let request = { 'do': 'pause', who: who, by: ACTOR };

	if (minutes)
		request.minutes = minutes;
	else
		request.till_wake = true;

	let answer = ask(request);

	return answer.error ? answer : { done: true, until: answer.until };
}

function resume(who) {
	let answer = ask({ 'do': 'resume', who: who, by: ACTOR });

	return answer.error ? answer : { done: true };
}

function bonus(who) {
	let answer = ask({ 'do': 'grant', who: who, minutes: BONUS, by: ACTOR });

	return answer.error ? answer : { done: true, grant: '' + answer.grant, minutes: BONUS, until: answer.until };
}

function take_back(grant) {
	let answer = ask({ 'do': 'revoke', grant: int(grant), by: ACTOR });

	return answer.error ? answer : { done: true };
}

function setup() {
	let accounts = ask({ 'do': 'guardian', action: 'list' });

	if (accounts.error)
		return accounts;

	let found = ask({ 'do': 'devices', brief: true });

	if (found.error)
		return found;

	return {
		claimed: length(accounts.guardians) > 0,
		devices: some(unowned(found.devices), device),
		unfiltered: some(unfiltered(found.devices), device),
		pages: pages()
	};
}

// Makes the first parent. Others are invited on the family's pages.
function claim(name) {
	let accounts = ask({ 'do': 'guardian', action: 'list' });

	if (accounts.error)
		return accounts;

	if (length(accounts.guardians))
		return failure('claimed', '');

	let answer = ask({ 'do': 'guardian', action: 'add', name: name, by: ACTOR });

	return answer.error ? answer : { done: true, token: answer.token };
}

function add_child(name, band, mac) {
	let request = { 'do': 'add_profile', name: name, band: band, devices: mac ? [ mac ] : [], by: ACTOR };
	let answer = ask(request);

	return answer.error ? answer : { done: true, id: answer.id };
}

return {
	'luci.qalqan': {
		overview: {
			call: function() { return overview(); }
		},
		health: {
			call: function() { return checked(false); }
		},
		check: {
			call: function() { return checked(true); }
		},
		setup: {
			call: function() { return setup(); }
		},
		claim: {
			args: { name: '' },
			call: function(request) { return claim(request.args.name); }
		},
		add_child: {
			args: { name: '', band: '', mac: '' },
			call: function(request) { return add_child(request.args.name, request.args.band, request.args.mac); }
		},
		pause: {
			args: { who: '', minutes: 0 },
			call: function(request) { return pause(request.args.who, request.args.minutes); }
		},
		resume: {
			args: { who: '' },
			call: function(request) { return resume(request.args.who); }
		},
		bonus: {
			args: { who: '' },
			call: function(request) { return bonus(request.args.who); }
		},
		take_back: {
			args: { grant: '' },
			call: function(request) { return take_back(request.args.grant); }
		}
	}
};
