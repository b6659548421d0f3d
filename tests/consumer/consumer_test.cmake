# Installs the build in ${gradus_build} into a folder of its own, then configures, builds and runs the project beside this script.
set(work ${gradus_build}/tests/consumer)
file(REMOVE_RECURSE ${work})  # a header that is no longer installed must not be found from last time
set(or_fail COMMAND_ERROR_IS_FATAL ANY)

execute_process(COMMAND ${CMAKE_COMMAND} --install ${gradus_build} --prefix ${work}/prefix OUTPUT_QUIET ${or_fail})
execute_process(COMMAND ${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${work}/build -G ${generator}
  -D CMAKE_CXX_COMPILER=${compiler} -D CMAKE_PREFIX_PATH=${work}/prefix ${or_fail})
execute_process(COMMAND ${CMAKE_COMMAND} --build ${work}/build ${or_fail})
execute_process(COMMAND ${work}/build/consumer ${or_fail})
if(EXISTS ${work}/build/consumer_googletest)
  execute_process(COMMAND ${work}/build/consumer_googletest OUTPUT_QUIET ${or_fail})
endif()
