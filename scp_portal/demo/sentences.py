"""What the people of the demo talk about: sentences of our own, combined by the generator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Topic:
    """One sub-community: its name, what it is for, and what is claimed in it."""

    key: str
    title: str
    description: str
    claims: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Voice:
    """A language as the demo speaks it. A post is a claim and a reason; `joint` stands between them."""

    language: str
    topics: tuple[Topic, ...]
    reasons: tuple[str, ...]
    agree: tuple[str, ...]
    disagree: tuple[str, ...]
    unsure: tuple[str, ...]
    joint: str = " "


ENGLISH: Final = Voice(
    "en",
    (
        Topic(
            "harbour",
            "Clean water in the harbour",
            "What should change so that the moana is fit to swim in every summer?",
            (
                "Stormwater drains should be checked before each winter.",
                "The council should publish water tests every week, in te reo Māori and in English.",
                "Boats should pay for a pump-out station at the wharf.",
                "We need native planting along every stream that reaches the moana 🌿.",
                "Kaitiaki should sit at the table when discharge permits are decided.",
                "Swimming signs should say when they were last changed.",
            ),
        ),
        Topic(
            "gardens",
            "Māra kai: gardens to share",
            "Where could neighbours grow food together, and who looks after the beds?",
            (
                "The empty lot behind the library would make a good māra kai.",
                "Each school could lend its garden to the street in the holidays.",
                "Compost from the market should go to the shared gardens.",
                "A tool shed with a simple booking list would be enough to start.",
                "Kūmara and kale grow well here; let us swap seedlings in spring 🌱.",
                "Rates could be lower for land that is gardened together.",
            ),
        ),
        Topic(
            "library",
            "Opening hours of the library",
            "When should the doors be open, and for what?",
            (
                "The library should open on Sunday afternoons.",
                "One late evening a week would help people who work shifts.",
                "A quiet room for study matters more than longer hours.",
                "The homework club needs two more tutors.",
                "Story time in Samoan and te reo should be every Saturday.",
                "Returns should be possible at the bus station.",
            ),
        ),
        Topic(
            "cycling",
            "Safe ways to school",
            "How do tamariki get to school on foot, by bike or scooter without fear?",
            (
                "Streets around schools should be closed to cars for half an hour.",
                "The crossing at the bridge needs a raised table.",
                "Every new road should have a separate path for bikes 🚲.",
                "Walking buses work if parents share the mornings.",
                "Speed should be thirty wherever there is no footpath.",
                "The school should have covered racks for scooters.",
            ),
        ),
        Topic(
            "market",
            "The Saturday market",
            "What would make the market a place for everyone?",
            (
                "Stalls run by rangatahi should not pay in their first year.",
                "Bring your own cup, or borrow one from the whānau stall.",
                "There should be a table where people can repair things together.",
                "Live music should end at noon.",
                "Prices should be shown per kilo at every stall.",
                "A free bus from the hills would bring more people.",
            ),
        ),
        Topic(
            "floods",
            "Ready for the next flood",
            "What do we need before the river rises again?",
            (
                "Each street needs two people with a radio and a list of who needs help.",
                "The marae on the hill should be the first shelter.",
                "Warnings should come by text in the language of the home.",
                "Sandbags should be kept where the water comes first.",
                "New houses should stand a metre higher than the last flood.",
                "We should practise once a year, at night.",
            ),
        ),
    ),
    (
        "It costs little and helps many.",
        "We tried it two summers ago and it worked.",
        "My neighbours would join in.",
        "Nobody should have to wait another year for it.",
        "It is the fair thing to do.",
        "The next generation will thank us.",
        "Other towns have done it with less money.",
        "It would bring people together who never meet.",
        "Let us try it for three months and see.",
        "I am happy to help with it myself.",
    ),
    ("Yes, count me in.", "Ka pai!", "I agree with every word.", "That would help us too."),
    ("I see it differently.", "There are more urgent things.", "Who would pay for that?"),
    ("I need to know more first.", "Perhaps, if it stays small."),
)

FRENCH: Final = Voice(
    "fr",
    (
        Topic(
            "transport",
            "Un autobus qui passe à l’heure",
            "Que faudrait-il changer pour que l’on puisse laisser la voiture à la maison ?",
            (
                "Il faut une voie réservée sur le boulevard.",
                "L’horaire devrait être affiché à chaque arrêt, même l’hiver ❄️.",
                "Le dernier autobus part trop tôt le samedi.",
                "Les élèves devraient voyager sans payer.",
                "Un abri chauffé serait bienvenu devant l’hôpital.",
                "La ligne du parc devrait passer toutes les dix minutes.",
            ),
        ),
        Topic(
            "parc",
            "Le grand parc, été comme hiver",
            "À quoi devrait ressembler le parc dans dix ans ?",
            (
                "La patinoire mérite un meilleur éclairage.",
                "Plantons des érables là où les frênes sont tombés 🍁.",
                "Les bancs devraient être assez hauts pour les aînés.",
                "Un coin sans chiens rassurerait les tout-petits.",
                "Les sentiers doivent rester déneigés jusqu’au printemps.",
                "Une fontaine d’eau potable manque près du terrain de jeu.",
            ),
        ),
        Topic(
            "langues",
            "Deux langues, une ville",
            "Comment se parler mieux, at home and at city hall ?",
            (
                "Every notice should come in both languages on the same day.",
                "Les cours du soir devraient être gratuits pour les nouveaux arrivants.",
                "Meetings should have live captions in French and English.",
                "La bibliothèque pourrait jumeler des personnes qui veulent apprendre.",
                "Street names tell a story; let us explain them.",
                "Les formulaires sont trop compliqués, dans les deux langues.",
            ),
        ),
        Topic(
            "compost",
            "Moins de déchets",
            "Que faire de ce que nous jetons chaque semaine ?",
            (
                "Le bac brun devrait passer chaque semaine en été.",
                "Les commerces devraient reprendre les contenants.",
                "Un atelier de réparation vaut mieux qu’un dépotoir.",
                "Le verre mérite une collecte à part.",
                "Montrons aux enfants où vont nos déchets.",
                "Les restes du marché pourraient nourrir la soupe populaire.",
            ),
        ),
    ),
    (
        "Cela coûte peu et aide beaucoup.",
        "Nos voisins l’ont fait et personne ne le regrette.",
        "Je suis prête à donner un coup de main.",
        "Essayons pendant une saison.",
        "C’est une question d’équité.",
        "On en parle depuis trop longtemps.",
        "Les aînés en ont besoin les premiers.",
        "Ce serait un beau geste pour le quartier.",
    ),
    ("Tout à fait d’accord.", "Oui, et vite !", "Bonne idée, j’en suis."),
    ("Je ne suis pas convaincu.", "Il y a plus urgent.", "Et qui va payer ?"),
    ("À voir.", "Je voudrais d’abord des chiffres."),
)

CHINESE: Final = Voice(
    "zh-hant",
    (
        Topic(
            "night-market",
            "夜市與鄰居",
            "夜市怎樣才能熱鬧，又讓住戶睡得好？",
            (
                "攤位應該在晚上十一點前收攤。",
                "每個攤位都要自備垃圾分類桶。",
                "巷口需要一位志工引導人流。",
                "可以借用環保杯，回收時退押金 ♻️。",
                "住戶代表應該每個月和攤商開會。",
                "音樂的音量要有清楚的上限。",
            ),
        ),
        Topic(
            "river-path",
            "河濱步道",
            "步道要給誰用，怎麼一起用？",
            (
                "自行車和行人應該分道。",
                "橋下的照明太暗，需要改善。",
                "每五百公尺應該有一個飲水站。",
                "河邊的樹不要再砍了 🌳。",
                "颱風過後應該先檢查步道再開放。",
                "假日可以開放部分車道給孩子騎車。",
            ),
        ),
        Topic(
            "elders",
            "長輩共餐",
            "怎樣讓獨居的長輩每週至少和大家吃一頓飯？",
            (
                "社區活動中心的廚房平日可以開放。",
                "高中生可以來幫忙送餐。",
                "菜單應該照顧牙口不好的長輩。",
                "我們需要一份自願登記的名單。",
                "共餐之後可以一起做健康操。",
                "市場收攤後的蔬菜可以捐給廚房。",
            ),
        ),
        Topic(
            "typhoon",
            "防颱準備",
            "下一個颱風來之前，我們還缺什麼？",
            (
                "每條巷子都應該有一位聯絡人。",
                "抽水機要在雨季前測試。",
                "警報訊息應該同時有國語、臺語和客語。",
                "地下停車場需要擋水板。",
                "避難地圖要貼在每一棟的電梯裡。",
                "學校體育館應該準備毛毯和飲水。",
            ),
        ),
    ),
    (
        "花費不多，幫助很大。",
        "隔壁里已經試過，效果很好。",
        "我願意一起來幫忙。",
        "先試三個月看看。",
        "這樣對大家都公平。",
        "不要再等下一年了。",
        "孩子和長輩最需要。",
        "這是鄰居之間的心意。",
    ),
    ("完全同意。", "我也支持 👍", "說得好，算我一份。"),
    ("我有不同的看法。", "還有更急的事。", "經費從哪裡來？"),
    ("想先多了解一點。", "要看怎麼做。"),
    joint="",
)

ARABIC: Final = Voice(
    "ar",
    (
        Topic(
            "street-trees",
            "أشجار في شارعنا",
            "كيف نجعل شوارعنا أكثر ظلاً وهواءً؟",
            (
                "نحتاج إلى شجرة أمام كل مدرسة 🌳.",
                "يجب أن يتولى سكان كل عمارة سقي أشجارهم.",
                "الري بالتنقيط أوفر من الخراطيم.",
                "لا تُقطع شجرة قبل أن يُسأل أهل الشارع.",
                "نختار أشجاراً تتحمل الحر وقلة الماء.",
                "يمكن لكل حي أن تكون له مشتلة صغيرة.",
            ),
        ),
        Topic(
            "youth-centre",
            "مركز الشباب",
            "ماذا نريد من المركز بعد تجديده؟",
            (
                "يجب أن يفتح المركز أبوابه مساء كل جمعة.",
                "نريد قاعة هادئة للمذاكرة.",
                "دروس البرمجة للبنات في ساعات مناسبة.",
                "الملعب يحتاج إلى إنارة جيدة.",
                "مكتبة صغيرة يديرها المتطوعون.",
                "ورشة لإصلاح الدراجات مرة في الشهر 🚲.",
            ),
        ),
        Topic(
            "market-day",
            "يوم السوق",
            "كيف يكون السوق نظيفاً وعادلاً للجميع؟",
            (
                "الأسعار مكتوبة بوضوح على كل بضاعة.",
                "حاويات للنفايات عند كل مدخل.",
                "مكان مخصص للنساء اللواتي يبعن ما يصنعنه.",
                "ممر واسع يسمح بمرور الكراسي المتحركة.",
                "ينتهي السوق قبل المغرب.",
                "أكياس من القماش بدل البلاستيك.",
            ),
        ),
        Topic(
            "water",
            "ماء نظيف لكل بيت",
            "ما الذي يجب إصلاحه أولاً في شبكة المياه؟",
            (
                "تُعلن نتائج فحص الماء كل شهر.",
                "رقم واحد للإبلاغ عن التسرب.",
                "الأحياء القديمة قبل الأحياء الجديدة.",
                "خزانات المدارس تُنظف كل فصل.",
                "عداد لكل شقة حتى يدفع كل واحد ما يستهلك.",
                "ندرّب شباب الحي على إصلاح الصنابير.",
            ),
        ),
    ),
    (
        "الكلفة قليلة والفائدة كبيرة.",
        "جرّبها جيراننا ونجحت.",
        "أنا مستعد للمساعدة.",
        "لنجرّب ثلاثة أشهر ثم نحكم.",
        "هذا هو العدل.",
        "انتظرنا طويلاً.",
        "الأطفال وكبار السن أولى بذلك.",
        "تجمع الناس على خير.",
    ),
    ("أوافق تماماً.", "فكرة ممتازة 👏", "نعم، وأنا معكم."),
    ("لي رأي آخر.", "هناك ما هو أهم.", "ومن سيدفع؟"),
    ("أريد أن أعرف أكثر.", "ربما، إن كانت البداية صغيرة."),
)
