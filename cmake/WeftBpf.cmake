# All of bpf/*.bpf.c → one linked object → one skeleton, weft.skel.h, behind the target weft_skeleton.
# weft_bpf(SUFFIX STEP): a skeleton in its own folder, its map layouts raised by STEP (the upgrade test uses 1).
find_program(WEFT_CLANG NAMES clang-19 clang REQUIRED)
find_program(WEFT_LLVM_STRIP NAMES llvm-strip-19 llvm-strip REQUIRED)
find_program(WEFT_BPFTOOL NAMES bpftool PATHS /usr/sbin REQUIRED)

set(WEFT_BPF_FLAGS -O2 -g -target bpf -mcpu=v3 -Wall -Wextra -Wno-missing-declarations -Wno-unused-parameter
    -I${CMAKE_SOURCE_DIR}/include -I${CMAKE_SOURCE_DIR}/bpf -idirafter /usr/include/${CMAKE_SYSTEM_PROCESSOR}-linux-gnu)

function(weft_bpf suffix step)
  set(out ${CMAKE_BINARY_DIR}/bpf${suffix})
  file(MAKE_DIRECTORY ${out})
  file(GLOB programs CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bpf/*.bpf.c)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bpf/*.h ${CMAKE_SOURCE_DIR}/include/weft/*.h)
  set(objects)
  foreach(program ${programs})
    get_filename_component(stem ${program} NAME_WLE)
    set(object ${out}/${stem}.o)
    add_custom_command(OUTPUT ${object}
      COMMAND ${WEFT_CLANG} ${WEFT_BPF_FLAGS} -DWEFT_LAYOUT_STEP=${step} -c ${program} -o ${object}
      DEPENDS ${program} ${headers} VERBATIM COMMENT "bpf${suffix} ${stem}")
    list(APPEND objects ${object})
  endforeach()
  add_custom_command(OUTPUT ${out}/weft.skel.h
    COMMAND ${WEFT_BPFTOOL} gen object ${out}/weft.bpf.o ${objects}
    COMMAND ${WEFT_LLVM_STRIP} -g ${out}/weft.bpf.o
    COMMAND ${WEFT_BPFTOOL} gen skeleton ${out}/weft.bpf.o name weft_bpf > ${out}/weft.skel.h
    DEPENDS ${objects} VERBATIM COMMENT "skeleton${suffix}")
  add_custom_target(weft_skeleton_header${suffix} DEPENDS ${out}/weft.skel.h)
  add_library(weft_skeleton${suffix} INTERFACE)
  add_dependencies(weft_skeleton${suffix} weft_skeleton_header${suffix})
  target_include_directories(weft_skeleton${suffix} SYSTEM INTERFACE ${out})
  target_compile_definitions(weft_skeleton${suffix} INTERFACE WEFT_LAYOUT_STEP=${step})
endfunction()

weft_bpf("" 0)

# weft_bpf_harness(PROGRAM): a skeleton of one test program, next to the code under test.
function(weft_bpf_harness program)
  get_filename_component(stem ${program} NAME_WE)
  set(out ${CMAKE_BINARY_DIR}/bpf-test)
  file(MAKE_DIRECTORY ${out})
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/bpf/*.h ${CMAKE_SOURCE_DIR}/include/weft/*.h)
  get_filename_component(here ${program} DIRECTORY)
  add_custom_command(OUTPUT ${out}/${stem}.skel.h
    COMMAND ${WEFT_CLANG} ${WEFT_BPF_FLAGS} -I${here} -c ${program} -o ${out}/${stem}.o
    COMMAND ${WEFT_BPFTOOL} gen skeleton ${out}/${stem}.o name ${stem}_bpf > ${out}/${stem}.skel.h
    DEPENDS ${program} ${headers} ${here}/${stem}.h VERBATIM COMMENT "test skeleton ${stem}")
  add_custom_target(weft_${stem}_header DEPENDS ${out}/${stem}.skel.h)
  add_library(weft_${stem} INTERFACE)
  add_dependencies(weft_${stem} weft_${stem}_header)
  target_include_directories(weft_${stem} SYSTEM INTERFACE ${out})
endfunction()
