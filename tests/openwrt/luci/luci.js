/*
 * As much of LuCI's browser side as our views use, under node: what is rendered and what is called is recorded. LuCI
 * itself is not at hand. What is written here follows its luci.js, ui.js, rpc.js, form.js and cbi.js, their traps
 * above all: a text that is no list of children becomes HTML, and so does a title.
 */
'use strict';

const fs = require('node:fs');

/* ---- a document */

const VOID = new Set([ 'br', 'input', 'hr', 'img' ]);
const escaped = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');

class Text {
	constructor(data) { this.data = data; this.nodeType = 3; this.parentNode = null; }
	get textContent() { return this.data; }
	get outerHTML() { return escaped(this.data); }
}

class Markup extends Text {
	get outerHTML() { return this.data; }
}

class Element {
	constructor(tag) {
		Object.assign(this, { tag, nodeType: 1, attributes: {}, childNodes: [], listeners: {}, parentNode: null });
	}

	get firstChild() { return this.childNodes[0] || null; }
	get lastChild() { return this.childNodes[this.childNodes.length - 1] || null; }
	get firstElementChild() { return this.childNodes.find((one) => one.nodeType == 1) || null; }
	get textContent() { return this.childNodes.map((one) => one.textContent).join(''); }
	/* What an input or a select has; without a choice, a select has its first option. */
	get value() {
		if (this.tag != 'select') return this.attributes.value ?? '';
		const chosen = this.childNodes.find((one) => 'selected' in one.attributes) || this.childNodes[0];
		return chosen.attributes.value;
	}
	set value(typed) {
		if (this.tag != 'select') { this.attributes.value = typed; return; }
		for (const one of this.childNodes) delete one.attributes.selected;
		this.childNodes.find((one) => one.attributes.value == typed).attributes.selected = '';
	}
	get disabled() { return 'disabled' in this.attributes; }
	set disabled(value) { if (value) this.attributes.disabled = ''; else delete this.attributes.disabled; }
	get classList() {
		const names = () => new Set((this.attributes['class'] || '').split(' ').filter(Boolean));
		const change = (call) => (name) => {
			const found = names();
			found[call](name);
			this.attributes['class'] = [ ...found ].join(' ');
		};
		return { add: change('add'), remove: change('delete'), contains: (name) => names().has(name) };
	}

	set innerHTML(html) {
		Element.markup.push(html);
		this.childNodes = html === '' ? [] : [ new Markup(html) ];
	}

	appendChild(node) { return this.insertBefore(node, null); }
	insertBefore(node, before) {
		if (node.parentNode) node.parentNode.removeChild(node);
		this.childNodes.splice(before ? this.childNodes.indexOf(before) : this.childNodes.length, 0, node);
		node.parentNode = this;
		return node;
	}
	removeChild(node) {
		this.childNodes = this.childNodes.filter((one) => one !== node);
		node.parentNode = null;
		return node;
	}
	remove() { if (this.parentNode) this.parentNode.removeChild(this); }
	setAttribute(key, value) { this.attributes[key] = String(value); }
	addEventListener(kind, call) { (this.listeners[kind] = this.listeners[kind] || []).push(call); }
	blur() {}

	/* Those below that `fits`, itself included. */
	all(fits) {
		return [ ...(fits(this) ? [ this ] : []), ...this.childNodes.flatMap((one) => one.nodeType == 1 ? one.all(fits) : []) ];
	}

	get outerHTML() {
		const told = Object.entries(this.attributes).map(([ key, value ]) => ` ${key}="${escaped(value)}"`).join('');
		if (VOID.has(this.tag)) return `<${this.tag}${told}>`;
		return `<${this.tag}${told}>${this.childNodes.map((one) => one.outerHTML).join('')}</${this.tag}>`;
	}
}

/* ---- LuCI */

const dom = {
	elem: (one) => one != null && typeof one == 'object' && 'nodeType' in one,
	append(node, children) {
		if (Array.isArray(children)) {
			/* A child that is null is the word "null", as in LuCI. */
			for (const one of children) node.appendChild(this.elem(one) ? one : new Text('' + one));
			return node.lastChild;
		}
		if (typeof children == 'function') return this.append(node, children(node));
		if (this.elem(children)) return node.appendChild(children);
		if (children !== null && children !== undefined) node.innerHTML = '' + children;
		return node.lastChild;
	},
	content(node, children) {
		while (node.firstChild) node.removeChild(node.firstChild);
		return this.append(node, children);
	},
	create(tag, attributes, children) {
		if (!(attributes instanceof Object) || Array.isArray(attributes) || this.elem(attributes))
			[ attributes, children ] = [ {}, attributes ];
		if (tag.startsWith('<')) Element.markup.push(tag);
		const node = new Element(tag);
		for (const [ key, value ] of Object.entries(attributes)) {
			if (value === null || value === undefined) continue;
			if (typeof value == 'function') node.addEventListener(key, value);
			else node.setAttribute(key, typeof value == 'object' ? JSON.stringify(value) : value);
		}
		this.append(node, children);
		return node;
	},
};
const E = (...all) => dom.create(...all);

/* cbi.js: of its many conversions those of texts and numbers. */
String.prototype.format = function(...values) {
	return this.replace(/%([sd%])/g, (_, kind) => {
		if (kind == '%') return '%';
		const value = values.shift();
		return kind == 'd' ? String(Math.trunc(value)) : String(value);
	});
};

const typeOf = (value) => Object.prototype.toString.call(value);

class World {
	/*
	 * `answers`: method → what rpcd says, one after the other, the last one again and again: {status, reply}, or a
	 * function of method and values. `uci`: section → options. `words`: translations. `writable`: whether it may write.
	 */
	constructor(given) {
		Object.assign(this, { answers: {}, uci: {}, words: {}, writable: true, hostname: '192.168.1.1' }, given);
		Object.assign(this, { calls: [], polls: [], notices: [], words_used: [], maps: [], loaded: [] });
		Element.markup = [];
	}

	answer(method, values) {
		if (typeof this.answers == 'function') return this.answers(method, values);
		const waiting = this.answers[method] || [ { status: 6 } ];
		return waiting.length > 1 ? waiting.shift() : waiting[0];
	}

	get modules() {
		const world = this;
		return {
			view: { extend: (members) => members },
			dom,
			poll: { add: (call, seconds) => { world.polls.push({ call, seconds }); } },
			rpc: { declare: (options) => (...given) => {
				const values = {};
				(options.params || []).forEach((name, i) => { if (given[i] !== undefined) values[name] = given[i]; });
				world.calls.push([ options.object, options.method, values ]);
				const { status, reply } = world.answer(options.method, values);
				let told = status == 0 ? reply : status;
				for (const key in options.expect || {}) {
					if (told != null && key != '') told = told[key];
					if (told == null || typeOf(told) != typeOf(options.expect[key])) told = options.expect[key];
					break;
				}
				return Promise.resolve(told);
			} },
			ui: {
				createHandlerFn: (self, call, ...given) => {
					if (typeof call == 'string') call = self[call];
					if (typeof call != 'function') return null;
					return (event) => {
						event.target.classList.add('spinning');
						event.target.disabled = true;
						return Promise.resolve(call.apply(self, [ ...given, event ])).finally(() => {
							event.target.classList.remove('spinning');
							event.target.disabled = false;
						});
					};
				},
				addNotification: (title, children, ...classes) => {
					const told = E('div', { 'class': [ 'alert-message', ...classes ].join(' ') }, [ E('div', {}, []) ]);
					if (title != null) dom.append(told.firstElementChild, E('h4', {}, title));
					dom.append(told.firstElementChild, children);
					told.remove = () => { world.notices = world.notices.filter((one) => one !== told); };
					world.notices.push(told);
					return told;
				},
			},
			uci: {
				load: (config) => { world.loaded.push(config); return Promise.resolve(); },
				get: (config, section, option) => {
					const found = world.uci[section];
					return option === undefined ? (found || null) : ((found || {})[option] ?? null);
				},
				add: (config, type, name) => { world.uci[name] = { '.type': type }; return name; },
			},
			form: form(this),
		};
	}

	get L() {
		return {
			bind: (call, self, ...given) => call.bind(self, ...given),
			hasViewPermission: () => this.writable,
		};
	}

	/* As LuCI's compiler of modules: the head says what is required, the rest is a function's body. */
	compiled(path) {
		const source = fs.readFileSync(path, 'utf8'), names = [], found = [];
		for (const [ , name, alias ] of source.matchAll(/^'require ([\w.]+)(?: as (\w+))?';$/gm)) {
			if (!(name in this.modules)) throw new Error(`no ${name} here`);
			names.push(alias || name.replace(/\W/g, '_'));
			found.push(this.modules[name]);
		}
		const translate = (text) => { this.words_used.push(text); return this.words[text] ?? text; };
		const made = new Function('window', 'document', 'L', 'E', '_', ...names, source);
		return made({ location: { hostname: this.hostname } }, {}, this.L, E, translate, ...found);
	}
}

/* ---- forms: which options of which sections there are, and what they let through */

function form(world) {
	class Option {
		constructor(section, name, title, description) {
			Object.assign(this, { section, option: name, title, description, choices: [] });
		}
		value(key, label) { this.choices.push([ key, label ]); }
	}
	const kinds = {};
	for (const kind of [ 'Flag', 'Value', 'ListValue', 'DynamicList' ])
		kinds[kind] = { [kind]: class extends Option { get kind() { return kind; } } }[kind];

	class NamedSection {
		constructor(map, name, type, title, description) { Object.assign(this, { name, type, title, description, options: [] }); }
		option(Kind, name, title, description) {
			const made = new Kind(this, name, title, description);
			this.options.push(made);
			return made;
		}
	}

	class Map {
		constructor(config, title, description) {
			Object.assign(this, { config, title, description, sections: [] });
			world.maps.push(this);
		}
		section(Kind, ...given) {
			const made = new Kind(this, ...given);
			this.sections.push(made);
			return made;
		}
		/* Titles and descriptions become HTML, as in LuCI. */
		render() {
			return Promise.resolve(E('div', { 'class': 'cbi-map' }, [
				E('h2', {}, this.title), E('div', { 'class': 'cbi-map-descr' }, this.description),
			].concat(this.sections.map((section) => E('div', { 'class': 'cbi-section' }, [
				E('h3', {}, section.title), ...(section.description ? [ E('p', {}, section.description) ] : []),
			].concat(section.options.map((one) => E('div', { 'class': 'cbi-value' }, [
				E('label', {}, one.title), E('div', {}, [ this.field(section, one), ...(one.description ? [ E('small', {}, one.description) ] : []) ]),
			]))))))));
		}
		field(section, one) {
			const set = (world.uci[section.name] || {})[one.option] ?? one.default;
			if (one.kind == 'Flag') return E('input', { type: 'checkbox', checked: set == '1' ? '' : null });
			if (one.kind == 'ListValue') return E('select', {}, one.choices.map(([ key, label ]) =>
				E('option', { value: key, selected: key == (set ?? '') ? '' : null }, [ label ])));
			return E('input', { value: [].concat(set ?? '').join(' '), placeholder: one.placeholder });
		}
	}
	return { Map, NamedSection, ...kinds };
}

module.exports = { Element, World };
