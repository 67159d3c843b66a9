// Findings about manifests and objects: WEFT1xxx. 10xx: a file as a whole, 11xx: one object, 12xx: objects together.
#pragma once

// X(number, name, title, cause, fix, text)
#define WEFT_OBJECT_FINDINGS(X)                                                                                        \
  X(1001, kFileUnreadable, "A manifest file cannot be read",                                                           \
    "The file is not a regular file, or its permissions or its file system refuse reading it.",                        \
    "Make it a regular file that the user of weftd may read.",                                                         \
    "Until the file can be read again, the objects of its last readable version stay in force. FIFOs, sockets and "    \
    "devices are never opened for reading.")                                                                           \
  X(1002, kBadSyntax, "A manifest is not valid YAML or JSON",                                                          \
    "The text breaks the grammar of YAML (*.yaml, *.yml) or JSON (*.json) at the line and column shown.",              \
    "Correct the text at that place; `weft analyze FILE` checks it without an agent.",                                 \
    "A file is taken as a whole: when it does not parse, none of its changes apply and all objects of its last good "  \
    "version stay.")                                                                                                   \
  X(1003, kTextTooLarge, "A manifest is larger than 1 MiB", "One file may hold at most 1 MiB.",                        \
    "Split the file; each document can be a file of its own.",                                                         \
    "The limit bounds the time and the memory that one file can cost the agent.")                                      \
  X(1004, kTextTooDeep, "A manifest nests deeper than 64 levels",                                                      \
    "Maps and lists lie inside each other more than 64 levels deep.",                                                  \
    "Real objects need fewer than 20 levels: look for a generated or damaged file.",                                   \
    "The limit keeps recursive documents from exhausting the stack.")                                                  \
  X(1005, kYamlAlias, "A manifest uses YAML aliases or merge keys",                                                    \
    "An alias (*name) or a merge key (<<) refers to another part of the document.", "Write the repeated part out.",    \
    "A few lines of nested aliases expand to gigabytes, and merge keys hide which value wins. Anchors that nothing "   \
    "refers to are harmless and accepted.")                                                                            \
  X(1006, kDuplicateKey, "A key appears twice in one map", "The same key is given twice in one map.",                  \
    "Remove one of the two.", "Parsers disagree which of two equal keys wins, so weft refuses both.")                  \
  X(1007, kNotText, "A manifest is not UTF-8 text",                                                                    \
    "The file holds NUL bytes, control characters or bytes that are not UTF-8, or a tab is used for indentation.",     \
    "Save the file as UTF-8 without control characters, and indent with spaces.",                                      \
    "UTF-16 files begin with the bytes FF FE or FE FF and are refused by this rule as well.")                          \
  X(1008, kNotAnObject, "A document is not an object",                                                                 \
    "A document is not a map, or does not say apiVersion and kind.",                                                   \
    "Begin each document with apiVersion: and kind:.",                                                                 \
    "Empty documents are skipped. v1 List and lists such as ServiceList are taken apart.")                             \
  X(1101, kUnknownKind, "A kind is unknown", "The apiVersion and kind of the object are not known to weft.",           \
    "Check the spelling of apiVersion and kind; remove the object from weft's files if it is for another program.",    \
    "The object is ignored; the other objects of the file are used.")                                                  \
  X(1102, kNotEnforced, "A kind is known but not enforced by this version",                                            \
    "The object is of a kind that this version of weft reads over: it has no effect.",                                 \
    "Do not rely on the object; remove it, or use a version of weft that enforces it.",                                \
    "`weft status` lists the kinds that were found and are not enforced under `unenforced`.")                          \
  X(1103, kFieldMissing, "A required field is missing", "The object cannot be understood without the field.",          \
    "Add the field.", "The last good version of the object stays in force.")                                           \
  X(1104, kFieldType, "A field has the wrong type",                                                                    \
    "The field holds a text where a number is wanted, a single value where a list is wanted, or the like.",            \
    "Write the value in the type that the message names.",                                                             \
    "Quoted numbers are text. Numbers with leading zeros, yes/no and on/off are text too: YAML 1.1 and 1.2 disagree "  \
    "about them (010 is 8 or 10), so weft does not guess.")                                                            \
  X(1105, kFieldRange, "A number is out of range", "The number is smaller or larger than the field allows.",           \
    "Use a number of the range that the message names.", "Numbers are never wrapped or cut to fit.")                   \
  X(1106, kFieldUnknown, "A field is unknown", "The object has a field that its kind does not have.",                  \
    "Correct the spelling; the message suggests the nearest field.",                                                   \
    "Checked for weft's own kinds. Kubernetes' kinds have hundreds of fields that weft does not use; these are "       \
    "skipped.")                                                                                                        \
  X(1107, kFieldValue, "A value is not allowed", "The field allows only the values that the message names.",           \
    "Use one of them.", "The last good version of the object stays in force.")                                         \
  X(1108, kBadName, "A name is not valid",                                                                             \
    "Names are lower-case letters, digits, '-' and for some kinds '.', as RFC 1123 says.",                             \
    "Rename the object or the reference.",                                                                             \
    "Names appear in file paths, metrics and terminals, so nothing else gets through. Longest: 63 characters for a "   \
    "label name, 253 for a subdomain.")                                                                                \
  X(1109, kBadLabel, "A label or selector is not valid",                                                               \
    "Label keys are [prefix/]name, values at most 63 letters, digits, '-', '_' and '.'.", "Correct the key or value.", \
    "The rules are those of the Kubernetes API for labels, selectors and annotation keys.")                            \
  X(1110, kBadAddress, "A value is not an IP address",                                                                 \
    "The value is not an IPv4 or IPv6 address, or not of the family that the object says.",                            \
    "Write a plain address without prefix length, port or scope.",                                                     \
    "IPv4 with leading zeros is refused because programs read it differently.")                                        \
  X(1111, kForbiddenAddress, "An address may not be used here",                                                        \
    "Services and endpoints may not lie in loopback, link-local (with the metadata service 169.254.169.254), "         \
    "multicast or unspecified ranges.",                                                                                \
    "Use the address of the workload itself.",                                                                         \
    "Whoever may write endpoints could otherwise send other people's connections to services of their own node that "  \
    "are open to local callers only.")                                                                                 \
  X(1112, kTooMany, "A limit is exceeded", "The object holds more entries or bytes than Kubernetes allows.",           \
    "Split the object.",                                                                                               \
    "At most 1000 endpoints in an EndpointSlice, 100 addresses in an endpoint, 256 KiB of annotations.")               \
  X(1113, kDuplicateEntry, "An entry appears twice",                                                                   \
    "Two ports of one object have the same name, or the same number and protocol.", "Remove or rename one of them.",   \
    "Kubernetes refuses such objects as well.")                                                                        \
  X(1114, kExternalName, "ExternalName services are not balanced",                                                     \
    "A Service of type ExternalName has no addresses: DNS answers with the name of another host.",                     \
    "Use a Service without selector and an EndpointSlice with the addresses, or call the external name directly.",     \
    "The service stays visible in `weft get services`; connections to the name it points to are left alone.")          \
  X(1115, kContested, "Two files define one object",                                                                   \
    "An object with the same kind, namespace and name is defined in another file, or twice in this one.",              \
    "Remove one of the two definitions.",                                                                              \
    "The first definition in the order of paths stays in force. When it goes, the other takes over.")                  \
  X(1116, kUnsupported, "A feature of the object is not supported",                                                    \
    "The object asks for something that weft does not do.", "Remove the field, or do not rely on it.",                 \
    "The rest of the object is in force.")                                                                             \
  X(1117, kSourceShrank, "A source lost most of its files at once",                                                    \
    "More than half of the files of a directory vanished in one moment, as they do when a mount goes away.",           \
    "Nothing, if that was meant: the deletion applies after a short grace. Else bring the files back.",                \
    "The last state stays for the grace period, so that a short unmount does not take services away.")                 \
  X(1201, kServiceWithoutEndpoints, "A service has no ready endpoint",                                                 \
    "No endpoint of the service is ready or serving.", "Start a workload for it, or look at why none is ready.",       \
    "Connections to such a service are refused at once.")                                                              \
  X(1202, kSelectorMatchesNothing, "A selector matches nothing",                                                       \
    "No pod and no workload of the namespace has the labels that the service selects.",                                \
    "Compare the labels of the selector with those of the workloads.",                                                 \
    "A selector matches when every one of its labels is present with the same value.")                                 \
  X(1203, kTargetPortUnknown, "A targetPort names a port that nobody has",                                             \
    "None of the selected workloads has a port with the name and protocol of the service's targetPort.",               \
    "Name the port in the workload, or use its number.",                                                               \
    "Each workload is looked at by itself, so two workloads may give one name to different numbers.")                  \
  X(1204, kFrontendCollision, "Two services claim one address and port",                                               \
    "Another service has the same address, port and protocol.", "Give one of the services another address or port.",   \
    "The service that comes first by namespace and name gets the address and port.")                                   \
  X(1205, kNodePortCollision, "Two services claim one nodePort",                                                       \
    "Another service has the same nodePort and protocol.", "Give one of the services another nodePort.",               \
    "The service that comes first by namespace and name gets the port.")                                               \
  X(1206, kSliceWithoutService, "An EndpointSlice belongs to no service",                                              \
    "The label kubernetes.io/service-name is missing or names a service that does not exist.",                         \
    "Correct the label, or add the service.", "The endpoints of such a slice are not used.")                           \
  X(1207, kSlicePortUnknown, "A port of a service is in none of its slices",                                           \
    "The EndpointSlices of the service have no port with the name and protocol of the service's port.",                \
    "Use the same port names in the Service and in its EndpointSlices.",                                               \
    "Ports are matched by name and protocol; a single unnamed port has the empty name on both sides.")                 \
  X(1208, kPortConflict, "One name stands for different ports",                                                        \
    "Workloads behind one service give the targetPort's name to different numbers.",                                   \
    "Nothing, if that is meant; else use one number.", "Each endpoint is reached at the port of its own workload.")    \
  X(1209, kNodeUnknown, "A workload's node is unknown",                                                                \
    "The Workload has no addresses of its own and its node is not described by a Node object.",                        \
    "Give the Workload addresses, or add the Node.",                                                                   \
    "Without an address the workload cannot be an endpoint of a service.")                                             \
  X(1210, kServiceWithoutAddress, "A service has no address",                                                          \
    "The Service is not headless and has no clusterIP, no external address and no nodePort.",                          \
    "Set spec.clusterIP, or make it headless with clusterIP: None.",                                                   \
    "On Kubernetes the API server gives each service an address; in files nobody does.")                               \
  X(1211, kExternalIpOfNode, "A service takes an address of a node",                                                   \
    "An external address or cluster address of the service is the address of a node.",                                 \
    "Use an address that is not a node's; for ports of the node use type NodePort.",                                   \
    "Connections from this mesh to that port of the node go to the service's endpoints instead of the node.")
