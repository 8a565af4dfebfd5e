// SPDX-License-Identifier: Apache-2.0
'use strict';
'require view';
'require form';
'require uci';

/* The options that UCI owns: docs/providers/luci.md. An empty option means the daemon's default and is not written. */

const TYPES = { main: 'qalqan', web: 'web', brand: 'brand' };  // by name of the section

function device(section_id, value) {
	return !value || /^[A-Za-z0-9_.-]{1,15}$/.test(value) || _('The name of a network device, such as br-lan');
}

function colour(section_id, value) {
	return !value || /^#[0-9A-Fa-f]{6}$/.test(value) || _('A colour, such as #1f5b43');
}

function path(section_id, value) {
	return !value || /^\/\S+\.(svg|png)$/i.test(value) || _('The path of an SVG or PNG file on this router');
}

/* LuCI's maxlength() counts bytes, which allows only half as many letters in Kazakh or Russian. */
function line(most) {
	return function(section_id, value) {
		return !value || !(/[\x00-\x1f\x7f]/.test(value) || Array.from(value).length > most) ||
			_('One line of at most %d letters').format(most);
	};
}

return view.extend({
	load: function() {
		return uci.load('qalqan').then(function() {
			/* Add a section that was deleted. Nothing is written before the user saves. */
			Object.keys(TYPES).forEach(function(name) {
				if (uci.get('qalqan', name) == null)
					uci.add('qalqan', TYPES[name], name);
			});
		});
	},

	render: function() {
		const map = new form.Map('qalqan', _('Family filter'),
			_('Settings of the router. Children, rules, parents and everything else are on the full pages of the filter.'));
		let section, option;

		section = map.section(form.NamedSection, 'main', TYPES.main, _('The filter'));
		section.addremove = false;

		option = section.option(form.Flag, 'enabled', _('Enabled'),
			_('If not enabled, the whole filter is stopped: nothing is filtered or counted. To turn rules off for a while, use the full pages.'));
		option.default = '1';
		option.rmempty = false;

		option = section.option(form.DynamicList, 'lan', _('Network devices of the home'),
			_('Devices behind these are filtered, others are not.'));
		option.placeholder = 'br-lan';
		option.validate = device;

		option = section.option(form.ListValue, 'flash', _('Writes to flash'));
		option.value('', _('as the filter decides'));
		option.value('normal', _('as often as usual'));
		option.value('poor', _('rarely: small or old flash'));

		option = section.option(form.ListValue, 'offload', _('Flow offloading'),
			_('For devices that are not filtered.'));
		option.value('', _('as the filter decides'));
		option.value('auto', _('in software'));
		option.value('hardware', _('in hardware where it can, otherwise in software'));
		option.value('off', _('never'));

		option = section.option(form.ListValue, 'firewall_offload', _('Flow offloading of the firewall'),
			_('Connections that the firewall offloads bypass the filter: no rule blocks or counts them.'));
		option.value('keep', _('leave it as it is'));
		option.value('off', _('switch it off while someone has rules'));

		option = section.option(form.ListValue, 'lists_update', _('Updates of the lists of sites'),
			_('Lists are downloaded from public servers, which see the internet address of this home and the time. Without them most sites of blocked categories are open.'));
		option.value('', _('as the family decides (every night, unless changed)'));
		option.value('daily', _('every night'));
		option.value('weekly', _('once a week'));
		option.value('off', _('never'));

		option = section.option(form.ListValue, 'lists_tier', _('Selection of lists'),
			_('A larger selection blocks more sites and needs more memory.'));
		option.value('', _('as the family decides (by the memory, unless changed)'));
		option.value('auto', _('by the memory of the router'));
		option.value('small', _('small: 128 MB of memory'));
		option.value('medium', _('medium: 256 MB of memory'));
		option.value('large', _('large: 512 MB of memory or more'));

		section = map.section(form.NamedSection, 'web', TYPES.web, _('Full pages'),
			_('On the addresses of the network devices above, unless an address is named here.'));
		section.addremove = false;

		option = section.option(form.Flag, 'enabled', _('Enabled'));
		option.default = '1';
		option.rmempty = false;

		option = section.option(form.Value, 'port', _('Port'));
		option.datatype = 'port';
		option.placeholder = '8080';

		option = section.option(form.Value, 'listen', _('Address and port'),
			_('Replaces the addresses above, such as 192.168.1.1:8080 or [fd00::1]:8080.'));
		option.datatype = 'ipaddrport(1)';

		option = section.option(form.Flag, 'allow_wan', _('Allow an address that the internet reaches'),
			_('Parents would sign in over plain HTTP from anywhere. Leave it off unless you know why you need it.'));
		option.default = '0';

		section = map.section(form.NamedSection, 'brand', TYPES.brand, _('Name on the pages'),
			_('Name shown on the pages, set by a provider. Empty: Qalqan.'));
		section.addremove = false;

		option = section.option(form.Value, 'name', _('Name of the provider'));
		option.validate = line(40);

		option = section.option(form.Value, 'colour', _('Colour'),
			_('A colour with too little contrast is rejected.'));
		option.placeholder = '#1f5b43';
		option.validate = colour;

		option = section.option(form.Value, 'logo', _('Logo'));
		option.placeholder = '/etc/qalqan/logo.svg';
		option.validate = path;

		option = section.option(form.Value, 'support', _('Where customers find support'),
			_('The address of a page with https://, a mail address or a telephone number.'));
		option.validate = line(120);

		return map.render();
	}
});
