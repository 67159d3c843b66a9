// Findings about the configuration of weftd: WEFT2xxx. See findings.hpp.
#pragma once

// X(number, name, title, cause, fix, text)
#define WEFT_CONFIG_FINDINGS(X)                                                                                        \
  X(2001, kConfigUnreadable, "A configuration file cannot be read",                                                    \
    "A file named by --config is missing, is not a regular file, is larger than 1 MiB, or its permissions refuse it.", \
    "Check the path and the permissions of the file and of its directories.",                                          \
    "Without --config, weftd reads /etc/weft/weft.yaml and then /etc/weft/weft.yaml.d/*.yaml in the order of their "   \
    "names; those may be missing. `weft config path` prints what is read.")                                            \
  X(2002, kConfigSyntax, "A configuration file is not valid YAML",                                                     \
    "The text breaks the grammar of YAML at the line and column shown, gives a key twice, or uses aliases.",           \
    "Correct the text at that place; indent with spaces.",                                                             \
    "A configuration file is one YAML document, at most 1 MiB, without aliases and merge keys. While it is wrong, a "  \
    "running weftd keeps the configuration that it has.")                                                              \
  X(2003, kConfigUnknownKey, "A key of the configuration is unknown",                                                  \
    "The file has a key that weft does not know; most often it is misspelt or stands in another section.",             \
    "Use the key that the message suggests; `weft config schema` and weft.yaml(5) list all of them.",                  \
    "Unknown keys are errors so that a slip does not silently leave a default in force.")                              \
  X(2004, kConfigType, "A value has the wrong type",                                                                   \
    "The key wants another type: a list, a number, a text, or true and false.",                                        \
    "Write the value as the message says.",                                                                            \
    "yes, no, on, and numbers with leading zeros are texts, since versions of YAML disagree about them. Put texts "    \
    "that look like numbers in quotes, and leave numbers without.")                                                    \
  X(2005, kConfigValue, "A value is not allowed here",                                                                 \
    "The value has the right type, but is not a path, address, name or choice that the key accepts.",                  \
    "Write the value as the message says.", "weft.yaml(5) says for every key what it accepts.")                        \
  X(2006, kConfigRange, "A number is out of range", "The number is smaller or larger than the key allows.",            \
    "Use a number of the range that the message names.", "Numbers are never wrapped or cut to fit.")                   \
  X(2007, kConfigNotUsed, "A setting has no effect in this version",                                                   \
    "The setting is known and was checked, but this version of weft does not act on it.",                              \
    "Remove the setting, or keep it for a later version; it does no harm.",                                            \
    "This is a warning: the rest of the configuration is in force.")                                                   \
  X(2008, kConfigManyDocuments, "A configuration file has more than one document",                                     \
    "The file is divided by ---, and only one document could count.",                                                  \
    "Put all settings into one document, or into several files below weft.yaml.d.",                                    \
    "Objects of the mesh (Services and the like) belong into discovery.files.paths, not into the configuration.")      \
  X(2009, kConfigVersion, "The version of the configuration is unknown", "apiVersion is not weft/v1.",                 \
    "Write apiVersion: weft/v1, or leave it out.", "The version changes when a key changes its meaning.")              \
  X(2010, kConfigEnvironment, "An environment variable names no setting",                                              \
    "A variable of the form WEFT_SECTION__KEY does not match any key of the configuration.",                           \
    "Use the key in upper case with two underscores between the parts, such as WEFT_METRICS__MAXSERIES.",              \
    "Lists are written with commas or as YAML: a,b or [a, b]. Variables that start with WEFT_ but have no double "     \
    "underscore are not looked at.")                                                                                   \
  X(2011, kConfigSetting, "A --set option names no setting",                                                           \
    "The option is not of the form section.key=value, or the key is unknown.",                                         \
    "Write --set section.key=value, such as --set log.level=debug.",                                                   \
    "Lists are written with commas or as YAML: a,b or [a, b].")                                                        \
  X(2012, kConfigRestart, "A changed setting needs a restart",                                                         \
    "The setting was changed and the configuration read again, but it only takes effect when weftd starts.",           \
    "Restart the agent: systemctl restart weftd. Connections are not disturbed by that.",                              \
    "Until then the old value stays in force. weft.yaml(5) says for every key whether a reload applies it.")           \
  X(2013, kConfigHostName, "The host name cannot be the name of the node",                                             \
    "node.name is not set, and the host name is not lower-case letters, digits, '-' and '.' (RFC 1123).",              \
    "Set node.name.", "The name must be that of the node in Node objects, Pods and EndpointSlices.")
