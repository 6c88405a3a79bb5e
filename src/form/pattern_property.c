#include "pattern_property.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

/* What ECMA-262 lets stand alone: a general category by its short name, or a binary property, spelt exactly. PCRE2 spells
 * loosely, knows scripts alone and has properties of its own. */
static int is_property(const char *name, apr_size_t length)
{
    static const char properties[] =
        " ASCII ASCII_Hex_Digit AHex Alphabetic Alpha Any Bidi_Control Bidi_C Bidi_Mirrored Bidi_M Case_Ignorable CI Cased"
        " Changes_When_Casefolded CWCF Changes_When_Casemapped CWCM Changes_When_Lowercased CWL Changes_When_Titlecased CWT"
        " Changes_When_Uppercased CWU Dash Default_Ignorable_Code_Point DI Deprecated Dep Diacritic Dia Emoji"
        " Emoji_Component EComp Emoji_Modifier EMod Emoji_Modifier_Base EBase Emoji_Presentation EPres"
        " Extended_Pictographic ExtPict Extender Ext Grapheme_Base Gr_Base Grapheme_Extend Gr_Ext Hex_Digit Hex IDS_Binary_Operator IDSB"
        " IDS_Trinary_Operator IDST ID_Continue IDC ID_Start IDS Ideographic Ideo Join_Control Join_C"
        " Logical_Order_Exception LOE Lowercase Lower Math Noncharacter_Code_Point NChar Pattern_Syntax Pat_Syn"
        " Pattern_White_Space Pat_WS Quotation_Mark QMark Radical Regional_Indicator RI Sentence_Terminal STerm"
        " Soft_Dotted SD Terminal_Punctuation Term Unified_Ideograph UIdeo Uppercase Upper Variation_Selector VS"
        " White_Space space XID_Continue XIDC XID_Start XIDS"
        " C Cc Cf Cn Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs ";
    char word[40];
    apr_snprintf(word, sizeof word, " %.*s ", (int)length, name);
    return strstr(properties, word) != NULL;
}

static int is_script(const char *name, apr_size_t length)
{
    static const char *const before[] = {"Script=", "sc=", "Script_Extensions=", "scx="};
    for (apr_size_t i = 0; i < sizeof before / sizeof *before; i++) {
        apr_size_t n = strlen(before[i]);
        if (length > n && memcmp(name, before[i], n) == 0)
            return apr_isupper(name[n]);
    }
    return 0;
}

int pattern_property_known(const char *name, apr_size_t length)
{
    return is_property(name, length) || is_script(name, length);
}
