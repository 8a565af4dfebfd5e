# A package of Python alone is read here, not built: its source is downloaded.

Py3Package:=

# $(1): a folder. Bytecode beside each source, as OpenWrt has it.
define Python3/CompileAll
	PYTHONHASHSEED=0 $(PYTHON) -m compileall -q -r 20 -b -d / $(1)
endef

define Python3/DeleteSourceFiles
	$(FIND) $(1) -type f -name '*.py' -delete
endef
