# `make facts` writes what each package is, a file a value; `make install-NAME` prepares and installs it.

PKG_BUILD_DIR?=$(BUILD_DIR)/$(PKG_NAME)-$(PKG_VERSION)
PKG_INSTALL_DIR:=$(PKG_BUILD_DIR)/ipkg-install

.PHONY: facts prepare
facts:

FIELDS:=TITLE SECTION CATEGORY SUBMENU DEPENDS CONFLICTS PROVIDES USERID URL PKGARCH
OF_ALL:=PKG_NAME PKG_VERSION PKG_RELEASE PKG_MAINTAINER PKG_LICENSE PKG_LICENSE_FILES PKG_HASH PKG_BUILD_DEPENDS \
	PYPI_NAME PKG_SOURCE PKG_SOURCE_URL PYTHON3_PKG_WHEEL_NAME PYTHON3_PKG_BUILD_ARGS LIST_UPDATES
TEXTS:=description conffiles preinst postinst prerm postrm

define BuildPackage
  $(foreach field,$(FIELDS),$(eval $(field):=))
  $(eval $(Package/$(1)))
  $(foreach field,$(FIELDS),$(eval FACT/$(1)/$(field):=$($(field))))
  facts: facts-$(1)
  .PHONY: facts-$(1) install-$(1)
  facts-$(1):
	$$(shell mkdir -p $(OUT)/facts/$(1))
	$$(foreach field,$(FIELDS),$$(file >$(OUT)/facts/$(1)/$$(field),$$(FACT/$(1)/$$(field))))
	$$(foreach field,$(OF_ALL),$$(file >$(OUT)/facts/$(1)/$$(field),$$($$(field))))
	$$(if $$(Py3Package/$(1)/filespec),$$(file >$(OUT)/facts/$(1)/filespec,$$(Py3Package/$(1)/filespec)))
	$$(foreach text,$(TEXTS),$$(if $$(Package/$(1)/$$(text)),$$(file >$(OUT)/facts/$(1)/$$(text),$$(Package/$(1)/$$(text)))))
  install-$(1): prepare
	@mkdir -p $(OUT)/root/$(1)
	$$(call Package/$(1)/install,$(OUT)/root/$(1))
endef

# OpenWrt's own unpacks the source archive, whose checksum it has compared.
define Build/Prepare/Default
	echo "$(PKG_HASH)  $(DL_DIR)/$(PKG_SOURCE)" | sha256sum --check --status
	mkdir -p $(BUILD_DIR)
	tar -xzf $(DL_DIR)/$(PKG_SOURCE) -C $(BUILD_DIR)
endef

prepare:
	$(call $(if $(value Build/Prepare),Build/Prepare,Build/Prepare/Default))
