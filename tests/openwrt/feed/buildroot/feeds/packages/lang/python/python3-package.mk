# A package of Python alone is read here, not built: its source is downloaded.

# The installer looks for the wheel under this name.
PYTHON3_PKG_WHEEL_NAME?=$(subst -,_,$(PYPI_SOURCE_NAME))

Py3Package:=

# $(1): a folder. Bytecode beside each source, as OpenWrt has it.
define Python3/CompileAll
	PYTHONHASHSEED=0 $(PYTHON) -m compileall -q -r 20 -b -d / $(1)
endef

define Python3/DeleteSourceFiles
	$(FIND) $(1) -type f -name '*.py' -delete
endef
