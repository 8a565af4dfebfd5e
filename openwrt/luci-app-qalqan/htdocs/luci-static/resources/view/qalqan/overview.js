// SPDX-License-Identifier: Apache-2.0
'use strict';
'require view';
'require rpc';
'require poll';
'require dom';
'require ui';

/*
 * Names of children and messages of the filter are untrusted input. LuCI inserts a text that is not a list of
 * child nodes as HTML. So they are always in a list, and never in a title.
 */

/*
 * LuCI has one catalogue of translations for all pages, keyed by English text. So a word with several meanings
 * is never a message of its own.
 */

const BANDS = [ '0-5', '6-9', '10-12', '13-15', '16-17' ];
const PERIOD = 10;  // seconds; rpcd has one thread, and each refresh makes it wait for the daemon

const callOverview = rpc.declare({ object: 'luci.qalqan', method: 'overview', expect: { '': {} } });
const callHealth = rpc.declare({ object: 'luci.qalqan', method: 'health', expect: { '': {} } });
const callCheck = rpc.declare({ object: 'luci.qalqan', method: 'check', expect: { '': {} } });
const callPause = rpc.declare({ object: 'luci.qalqan', method: 'pause', params: [ 'who', 'minutes' ], expect: { '': {} } });
const callResume = rpc.declare({ object: 'luci.qalqan', method: 'resume', params: [ 'who' ], expect: { '': {} } });
const callBonus = rpc.declare({ object: 'luci.qalqan', method: 'bonus', params: [ 'who' ], expect: { '': {} } });
const callTakeBack = rpc.declare({ object: 'luci.qalqan', method: 'take_back', params: [ 'grant' ], expect: { '': {} } });
const callSetup = rpc.declare({ object: 'luci.qalqan', method: 'setup', expect: { '': {} } });
const callClaim = rpc.declare({ object: 'luci.qalqan', method: 'claim', params: [ 'name' ], expect: { '': {} } });
const callAddChild = rpc.declare({ object: 'luci.qalqan', method: 'add_child', params: [ 'name', 'band', 'mac' ], expect: { '': {} } });

function stateName(state) {
	switch (state) {
	case 'open': return _('Internet is open');
	case 'paused': return _('Internet is paused');
	case 'bedtime': return _('It is bedtime');
	case 'window': return _('Internet is blocked now');
	case 'out_of_time': return _('Time is used up');
	default: return state;
	}
}

function levelName(level) {
	switch (level) {
	case 'error': return _('does not work');
	case 'warning': return _('needs attention');
	case 'note': return _('worth knowing');
	default: return level;
	}
}

/* Formats a time of the daemon, which is in the home's time zone. Adds the day if it is not today. */
function clock(moment, now) {
	const day = moment.slice(0, 10), today = (now || moment).slice(0, 10), time = moment.slice(11, 16);

	if (day == today)
		return time;

	return (Date.parse(day) - Date.parse(today) == 86400000) ? _('tomorrow, %s').format(time) : day + ' ' + time;
}

/* Returns the reason for an empty page, as a sentence. */
function failureText(answer) {
	switch (answer.error) {
	case 'not_running': return _('The filter does not run. Devices follow their rules for that case. Check in Settings that it is enabled, and start it in System → Startup (qalqan).');
	case 'silent': return _('The filter did not answer. Its log says more.');
	case 'garbage': return _('The answer of the filter cannot be read. Is it of the same version as this page?');
	case 'claimed': return _('There is a parent already, who invites others on the full pages.');
	case 'refused': return answer.text || _('The filter rejected this.');
	default: return _('The router did not answer. Sign in again, or check the rights of this page.');
	}
}

function deviceName(one) {
	return (one.name && one.name != one.mac) ? one.name + ' (' + one.mac + ')' : one.mac;
}

function pagesAddress(pages) {
	/* No browser can open the unspecified address, which means every address of the router. */
	const every = (pages.listen || '').match(/^(?:0\.0\.0\.0|\[::\]):(\d+)$/);
	const port = every ? every[1] : pages.port;

	return 'http://' + ((!every && pages.listen) || window.location.hostname + ':' + port) + '/';
}

/* rpc.declare() returns {} if the router refused the call: the ACL does not allow it, or the plugin is missing. */
function isFailure(answer, key) {
	return answer.error != null || !(key in answer);
}

return view.extend({
	handleSave: null,
	handleSaveApply: null,
	handleReset: null,

	load: function() {
		return Promise.all([ callOverview(), callHealth(), L.hasViewPermission() ? callSetup() : {} ]);
	},

	render: function(answers) {
		this.now = E('div', {}, this.renderNow(answers[0]));
		this.health = E('div', {}, this.renderHealth(answers[1]));
		this.setup = E('div', {}, this.renderSetup(answers[2]));

		poll.add(L.bind(this.refresh, this), PERIOD);

		return E('div', {}, [
			E('h2', {}, [ _('Family filter') ]),
			this.now,
			this.setup,
			this.health
		]);
	},

	refresh: function() {
		return callOverview().then(L.bind(function(answer) {
			dom.content(this.now, this.renderNow(answer));

			return this.checking ? callHealth().then(L.bind(this.showHealth, this)) : null;
		}, this));
	},

	/* ---- current state */

	renderNow: function(answer) {
		if (isFailure(answer, 'children'))
			return [ this.warning(failureText(answer)), this.renderPages(answer.pages) ];

		return [].concat(this.renderHome(answer), [ this.renderChildren(answer), this.renderPages(answer.pages) ]);
	},

	renderHome: function(answer) {
		const found = [];

		if (answer.mode == 'off')
			found.push(this.warning(this.offText(answer)));

		if (!answer.clock)
			found.push(this.warning(_('The time is not known yet. Each child’s rules say what applies until then.')));

		if (answer.internet == 'down')
			found.push(this.warning(_('The internet is down. That is not the filter.')));

		(answer.problems || []).forEach(L.bind(function(problem) { found.push(this.warning(problem)); }, this));

		if (answer.requests > 0)
			found.push(E('p', {}, [ _('Open requests: %d').format(answer.requests) ]));

		return found;
	},

	offText: function(answer) {
		if (!answer.off_until)
			return _('Time rules and categories are off for everyone.');

		const text = answer.stopped_by_provider
			? _('Your internet provider turned time rules and categories off for everyone until %s.')
			: _('Time rules and categories are off for everyone until %s.');

		return text.format(clock(answer.off_until, answer.now));
	},

	renderChildren: function(answer) {
		if (!answer.children.length)
			return E('p', {}, [ E('em', {}, [ _('No child yet.') ]) ]);

		const rows = answer.children.map(L.bind(this.renderChild, this, answer.now));

		return E('div', { 'class': 'cbi-section' }, [
			E('table', { 'class': 'table' }, [
				E('tr', { 'class': 'tr table-titles' }, [
					E('th', { 'class': 'th' }, [ _('Child') ]),
					E('th', { 'class': 'th' }, [ _('Now') ]),
					E('th', { 'class': 'th' }, [ _('Time left') ]),
					E('th', { 'class': 'th cbi-section-actions' }, [ '' ])
				])
			].concat(rows)),
			this.renderEverybody(answer.children)
		]);
	},

	renderChild: function(now, child) {
		const paused = (child.state == 'paused');
		const state = child.until
			? _('%s until %s').format(stateName(child.state), clock(child.until, now))
			: stateName(child.state);
		const buttons = paused
			? [ this.button(_('Resume'), 'positive', 'handleResume', child.id) ]
			: [
				this.button(_('Pause until morning'), 'negative', 'handlePause', child.id, 0),
				this.button(_('Pause for 30 min'), 'negative', 'handlePause', child.id, 30)
			];

		/* Extra time does not end a pause, and a child without limits has no use for it. */
		if (!paused && child.left)
			buttons.push(this.button(_('15 min more'), 'action', 'handleBonus', child.id, child.name));

		return E('tr', { 'class': 'tr' }, [
			E('td', { 'class': 'td', 'data-title': _('Child') }, [ child.name ]),
			E('td', { 'class': 'td', 'data-title': _('Now') }, [ state ]),
			E('td', { 'class': 'td', 'data-title': _('Time left') }, [ this.leftText(child, now) ]),
			E('td', { 'class': 'td cbi-section-actions' }, [ E('div', {}, this.spaced(buttons)) ])
		]);
	},

	leftText: function(child, now) {
		if (child.state != 'open' || !child.left)
			return '–';

		const ofPeriod = { week: _('%d min of this week') }[child.left.period];
		if (ofPeriod)
			return ofPeriod.format(child.left.minutes);

		return child.left.at
			? _('%d min, until %s').format(child.left.minutes, clock(child.left.at, now))
			: _('%d min').format(child.left.minutes);
	},

	renderEverybody: function(children) {
		const paused = children.filter(function(child) { return child.state == 'paused'; }).length;
		const buttons = [];

		if (paused < children.length)
			buttons.push(this.button(_('Pause every child until morning'), 'negative', 'handlePause', 'all', 0));

		if (paused > 0)
			buttons.push(this.button(_('Resume every child'), 'positive', 'handleResume', 'all'));

		return E('p', {}, this.spaced(buttons).concat([
			E('br'),
			E('small', {}, [ _('Morning is when the child’s bedtime ends. The family sees that this was done on the router’s pages.') ])
		]));
	},

	renderPages: function(pages) {
		if (!pages)
			return '';

		if (!pages.here)
			return E('p', {}, [ _('The full pages of the filter are not installed on this router, or are off.') ]);

		return E('p', {}, [
			E('a', { 'href': pagesAddress(pages), 'target': '_blank', 'rel': 'noreferrer' }, [ _('Open the full pages of the filter') ]),
			' ',
			E('small', {}, [ _('Rules, requests, activity and devices are there, for parents who sign in.') ])
		]);
	},

	/* ---- the first parent, and children. Not refreshed, so that typed text stays. */

	renderSetup: function(answer) {
		if (isFailure(answer, 'claimed'))
			return [];

		return [].concat(
			(answer.claimed || !answer.pages.here) ? [] : this.renderClaim(answer.pages),
			this.renderAddChild(answer.devices),
			this.renderUnfiltered(answer.unfiltered || [])
		);
	},

	renderUnfiltered: function(devices) {
		if (!devices.length)
			return [];

		return [ this.warning(_('Not filtered until you say who uses them: %s. Choose under Devices on the full pages, or with “qalqan device assign” in the router’s shell.').format(devices.map(deviceName).join(', '))) ];
	},

	renderClaim: function(pages) {
		const name = E('input', { 'type': 'text', 'name': 'parent', 'maxlength': '40' });

		return [
			E('h3', {}, [ _('First parent') ]),
			E('p', {}, [ _('This makes a sign-in link. The parent opens it and chooses a password.') ]),
			E('p', {}, this.spaced([
				E('label', {}, [ _('Name of the parent'), ' ', name ]),
				this.button(_('Make the link'), 'action', 'handleClaim', name, pages)
			]))
		];
	},

	renderAddChild: function(devices) {
		const name = E('input', { 'type': 'text', 'name': 'child', 'maxlength': '40' });
		const band = E('select', { 'name': 'band' }, BANDS.map(function(years) {
			return E('option', { 'value': years }, [ _('%s years').format(years) ]);
		}));
		const device = E('select', { 'name': 'device' }, [
			E('option', { 'value': '' }, [ _('no device yet') ])
		].concat(devices.map(function(one) {
			return E('option', { 'value': one.mac }, [ deviceName(one) ]);
		})));

		return [
			E('h3', {}, [ _('Add a child') ]),
			E('p', {}, this.spaced([
				E('label', {}, [ _('Name of the child'), ' ', name ]),
				E('label', {}, [ _('Age group'), ' ', band ]),
				E('label', {}, [ _('Device of the child'), ' ', device ]),
				this.button(_('Add the child'), 'action', 'handleAddChild', name, band, device)
			])),
			E('p', {}, [ E('small', {}, [
				_('Lists of sites are downloaded from public servers as soon as there is a child, and then regularly, unless you turn this off in Settings. Without them most sites of blocked categories are open.')
			]) ])
		];
	},

	refreshSetup: function() {
		return callSetup().then(L.bind(function(answer) {
			dom.content(this.setup, this.renderSetup(answer));
		}, this));
	},

	/* ---- health */

	renderHealth: function(answer) {
		this.checking = (answer.running === true);

		if (isFailure(answer, 'findings'))
			return [];

		const found = answer.findings.map(function(one) {
			return E('tr', { 'class': 'tr' }, [
				E('td', { 'class': 'td', 'data-title': _('Found') }, [ levelName(one.level) ]),
				E('td', { 'class': 'td', 'lang': 'en' }, one.fix
					? [ one.text, E('br'), E('small', {}, [ one.fix ]) ]
					: [ one.text ])
			]);
		});

		return [
			E('h3', {}, [ _('Health of the filter') ]),
			answer.problem ? this.warning(answer.problem) : '',
			found.length
				? E('table', { 'class': 'table' }, found)
				: E('p', {}, [ answer.ended ? _('The checks found nothing to fix.') : _('No checks yet.') ]),
			E('p', {}, [
				answer.ended ? _('Checked at %s.').format(clock(answer.ended, answer.now)) + ' ' : '',
				answer.running
					? E('em', { 'class': 'spinning' }, [ _('The checks are running.') ])
					: this.button(_('Check again'), 'action', 'handleCheck')
			])
		];
	},

	showHealth: function(answer) {
		dom.content(this.health, this.renderHealth(answer));
	},

	/* ---- handlers of the buttons */

	handlePause: function(who, minutes) {
		return callPause(who, minutes).then(L.bind(this.done, this, null));
	},

	handleResume: function(who) {
		return callResume(who).then(L.bind(this.done, this, null));
	},

	handleBonus: function(who, name) {
		return callBonus(who).then(L.bind(this.done, this, L.bind(function(answer) {
			const notification = ui.addNotification(null, [
				E('p', {}, [
					_('%d min more for %s.').format(answer.minutes, name), ' ',
					this.button(_('Undo'), 'reset', 'handleTakeBack', answer.grant, function() { notification.remove(); })
				])
			], 'info');
		}, this)));
	},

	handleTakeBack: function(grant, close) {
		return callTakeBack(grant).then(L.bind(this.done, this, close));
	},

	handleClaim: function(name, pages) {
		return callClaim(name.value).then(L.bind(function(answer) {
			if (isFailure(answer, 'done'))
				return this.complain(answer);

			const link = pagesAddress(pages) + 'signin?code=' + encodeURIComponent(answer.token);

			ui.addNotification(null, [
				E('p', {}, [ _('The link works once, for 15 minutes. Open it on the parent’s own device.') ]),
				E('p', {}, [ E('a', { 'href': link, 'target': '_blank', 'rel': 'noreferrer' }, [ link ]) ])
			], 'info');

			return this.refreshSetup();
		}, this));
	},

	handleAddChild: function(name, band, device) {
		return callAddChild(name.value, band.value, device.value).then(L.bind(function(answer) {
			if (isFailure(answer, 'done'))
				return this.complain(answer);

			ui.addNotification(null, [
				E('p', {}, [ _('%s is added. The rules of this age apply now.').format(name.value) ])
			], 'info');

			return Promise.all([ this.refresh(), this.refreshSetup() ]);
		}, this));
	},

	handleCheck: function() {
		return callCheck().then(L.bind(function(answer) {
			if (isFailure(answer, 'findings'))
				this.complain(answer);
			else
				this.showHealth(answer);
		}, this));
	},

	/* Shows the result or the error, then refreshes the page. */
	done: function(then, answer) {
		if (isFailure(answer, 'done'))
			this.complain(answer);
		else if (then)
			then(answer);

		return this.refresh();
	},

	complain: function(answer) {
		ui.addNotification(null, [ E('p', {}, [ failureText(answer) ]) ], 'error');
	},

	/* ---- elements */

	warning: function(text) {
		return E('div', { 'class': 'alert-message warning' }, [ text ]);
	},

	button: function(label, tone, handler /*, ... */) {
		const bound = [ this, handler ].concat(Array.prototype.slice.call(arguments, 3));

		return E('button', {
			'class': 'btn cbi-button cbi-button-' + tone,
			'disabled': L.hasViewPermission() ? null : true,
			'click': ui.createHandlerFn.apply(ui, bound)
		}, [ label ]);
	},

	spaced: function(nodes) {
		return nodes.reduce(function(found, node) { return found.concat(found.length ? [ ' ', node ] : [ node ]); }, []);
	}
});
